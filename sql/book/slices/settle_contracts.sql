-- One row per contract a position line names, with the prices it settles at. `expired` as in mark_contracts.
SELECT
    contract.contract_id, contract.kind, contract.payoff, contract.underlying_asset, contract.settle_asset,
    contract.multiplier, contract.strike, contract.option_type, contract.funding_interval_s, contract.funding_cap,
    contract.status IN ('EXPIRED_UNSETTLED', 'SETTLED')
        OR coalesce(contract.expiry_ts <= cycle_run.as_of_ts, FALSE) AS expired,
    mark.settlement_price, mark.prev_settlement_price, mark.final_price
FROM book.contract AS contract
JOIN control.cycle_run AS cycle_run USING (run_id)
LEFT JOIN result.mark AS mark USING (run_id, contract_id)
WHERE run_id = $run_id AND (
    contract_id IN (SELECT contract_id FROM book.position WHERE run_id = $run_id)
    OR contract_id IN (SELECT contract_id FROM book.suspense WHERE run_id = $run_id)
)
ORDER BY contract_id
