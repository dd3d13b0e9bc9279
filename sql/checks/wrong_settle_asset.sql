-- critical · book · F15 · an inverse contract is settled in its underlying
-- Do: correct payoff or settle_asset of the contract.
SELECT
    'contracts' AS dataset, file_id, source_line, contract_id, settle_asset AS value, underlying_asset AS limit_value
FROM book.contract
WHERE run_id = $run_id AND payoff = 'INVERSE' AND settle_asset <> underlying_asset
