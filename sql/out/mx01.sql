-- MX01 · what a member submitted of its positions against what was booked. A line that was not submitted, or left a
-- figure to us, is CARRIED; a line that was taken out is QUARANTINED; DIFFERENT never passes the gate and is never hidden.
WITH party AS (
    SELECT clearing_member_id FROM book.account WHERE run_id = $run_id
    UNION
    SELECT clearing_member_id FROM book.member WHERE run_id = $run_id
),
submitted AS (
    SELECT
        file_id, source_line, clearing_member_id, margin_account_id, coalesce(client_id, '') AS client_id,
        contract_id, qty_open AS submitted_qty_open, qty_close AS submitted_qty_close
    FROM raw.positions
    WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id)
),
booked AS (
    SELECT
        file_id, source_line, clearing_member_id, margin_account_id, client_id, contract_id,
        qty_open AS booked_qty_open, qty_close AS booked_qty_close
    FROM book.position
    WHERE run_id = $run_id
),
compared AS (
    SELECT
        *,
        booked_qty_open - decimal_28_8(submitted_qty_open) AS difference_open,
        booked_qty_close - decimal_28_8(submitted_qty_close) AS difference_close
    FROM submitted
    FULL JOIN booked
        USING (file_id, source_line, clearing_member_id, margin_account_id, client_id, contract_id)
)
SELECT
    clearing_member_id,
    'ALL' AS account,
    margin_account_id,
    client_id,
    contract_id,
    submitted_qty_open,
    submitted_qty_close,
    booked_qty_open,
    booked_qty_close,
    difference_open,
    difference_close,
    CASE
        WHEN booked_qty_close IS NULL THEN 'QUARANTINED'
        WHEN coalesce(difference_open, 0) <> 0 OR coalesce(difference_close, 0) <> 0 THEN 'DIFFERENT'
        WHEN difference_open IS NULL OR difference_close IS NULL THEN 'CARRIED'
        ELSE 'MATCHED'
    END AS status
FROM compared
WHERE clearing_member_id IN (SELECT clearing_member_id FROM party)
ORDER BY clearing_member_id, margin_account_id, client_id, contract_id, file_id, source_line;
