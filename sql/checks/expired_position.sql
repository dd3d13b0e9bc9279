-- critical · member · F61 · an expired contract is held by nobody, unless it awaits settlement
-- Do: deliver the expiry movement, or the status EXPIRED_UNSETTLED.
SELECT
    'positions' AS dataset, position.file_id, position.source_line, clearing_member_id, margin_account_id, contract_id,
    qty_close::VARCHAR AS value, concat_ws(' ', status, expiry_ts) AS limit_value
FROM book.position AS position
JOIN book.contract AS contract USING (run_id, contract_id)
WHERE
    run_id = $run_id AND qty_close <> 0
    AND (status = 'SETTLED' OR expiry_ts <= $as_of_ts AND status <> 'EXPIRED_UNSETTLED')
