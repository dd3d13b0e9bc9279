-- critical · book · F63 · a contract keeps the terms it was carried under
-- Do: list the new terms under a new contract id and move positions to it by qty_transfer, times the factor.
-- An opening is settled at the terms it was carried under: a multiplier, strike or settlement asset that changes under
-- the same id would pay out the difference. An expiry may move: calendars change.
SELECT
    'contracts' AS dataset, today.file_id, today.source_line, contract_id,
    concat_ws(
        ' ', today.kind, today.payoff, today.underlying_asset, today.quote_ccy, today.settle_asset, today.multiplier,
        today.strike, today.option_type
    ) AS value,
    concat_ws(
        ' ', carried.kind, carried.payoff, carried.underlying_asset, carried.quote_ccy, carried.settle_asset,
        carried.multiplier, carried.strike, carried.option_type
    ) AS limit_value
FROM book.contract AS today
JOIN book.contract AS carried USING (contract_id)
SEMI JOIN (
    SELECT contract_id FROM book.position WHERE run_id = $run_id AND (qty_open <> 0 OR qty_close <> 0)
) USING (contract_id)
WHERE today.run_id = $run_id AND carried.run_id = $predecessor_run_id AND value <> limit_value
