-- critical · member · F01 · positions are delivered for the cycle itself
-- Do: have the sender deliver its positions as version 1; the cycle is then computed anew.
-- Positions of the end of day before stand in, by decision of two persons, as files of version 0.
SELECT
    'positions' AS dataset, position.file_id, source_line, clearing_member_id, margin_account_id, contract_id,
    'as of ' || position_as_of_ts AS value, 'as of ' || $as_of_ts AS limit_value
FROM book.position AS position
JOIN control.input_manifest AS manifest USING (run_id, file_id)
WHERE run_id = $run_id AND manifest.seq = 0
