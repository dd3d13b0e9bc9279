-- critical · book · F15 · an inverse contract is settled in its underlying, a linear one in no underlying
-- Do: correct payoff or settle_asset of the contract.
-- What settles a linear contract keeps its price in every scenario: a coin there would carry risk that nobody margins.
WITH underlyings AS (
    SELECT DISTINCT underlying_asset AS asset FROM book.contract WHERE run_id = $run_id
)
SELECT
    'contracts' AS dataset, file_id, source_line, contract_id, settle_asset AS value,
    CASE payoff WHEN 'INVERSE' THEN underlying_asset ELSE 'no underlying' END AS limit_value
FROM book.contract
WHERE
    run_id = $run_id
    AND CASE payoff
        WHEN 'INVERSE' THEN settle_asset <> underlying_asset
        ELSE settle_asset IN (SELECT asset FROM underlyings)
    END
