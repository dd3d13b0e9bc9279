-- What a sender's open positions of the end of day before are now, had nobody traded: carried, and gone where the
-- contract has expired by the time of today's prices and does not await settlement.
WITH taken AS (
    SELECT coalesce(max(as_of_ts), TIMESTAMP '1970-01-01') AS as_of_ts
    FROM raw.file
    WHERE list_contains($file_ids, file_id) AND dataset = 'prices'
),
expired AS (
    SELECT contract_id
    FROM raw.contracts, taken
    WHERE list_contains($file_ids, file_id)
        AND (status = 'SETTLED' OR expiry_ts::TIMESTAMP <= as_of_ts AND status <> 'EXPIRED_UNSETTLED')
)
SELECT
    clearing_member_id, margin_account_id, account_type, nullif(client_id, '') AS client_id, contract_id,
    position_as_of_ts,
    CASE WHEN contract_id IN (SELECT contract_id FROM expired) THEN -qty_close ELSE 0 END::DECIMAL(28, 8) AS qty_expired
FROM book.position AS position
JOIN control.input_manifest AS manifest USING (run_id, file_id)
WHERE run_id = $predecessor_run_id AND sender = $sender AND qty_close <> 0
ORDER BY clearing_member_id, margin_account_id, client_id, contract_id;
