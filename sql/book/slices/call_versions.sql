-- Versions of the calls of earlier cycles, with what each asked for and when it was due.
SELECT c.call_id, c.call_version, c.cycle_id, c.call_amount_usd, c.issued_ts, c.due_ts, c.due_asset
FROM control.margin_call AS c
JOIN control.cycle_run AS r ON r.run_id = c.run_id
WHERE c.state NOT IN ('DRAFT', 'APPROVED', 'INDICATIVE') AND c.cycle_id <> $cycle_id AND r.as_of_ts < $as_of_ts
ORDER BY c.call_id, c.call_version;
