-- critical · book · F56 · nothing was seen before it happened
-- Do: correct the clock or the time zone of the sender.
-- A price is observed before it is captured; a position is dated no later than the cycle.
SELECT
    'prices' AS dataset, file_id, source_line, '' AS clearing_member_id, '' AS margin_account_id, contract_id,
    obs_ts::VARCHAR AS value, 'captured ' || -age_seconds || ' s earlier' AS limit_value
FROM book.price
WHERE run_id = $run_id AND age_seconds < 0
UNION ALL
SELECT
    'positions', file_id, source_line, clearing_member_id, margin_account_id, contract_id,
    position_as_of_ts::VARCHAR, 'as of ' || $as_of_ts
FROM book.position
WHERE run_id = $run_id AND position_as_of_ts > $as_of_ts
