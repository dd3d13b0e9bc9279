-- increments of all versions of a call sum to what its last version asks for
WITH changed AS (
    SELECT call_id FROM control.margin_call WHERE run_id = $run_id
)
SELECT
    margin_account_id AS place, sum(increment_amount_usd)::VARCHAR AS found,
    max_by(call_amount_usd, call_version)::VARCHAR AS expected
FROM control.margin_call
SEMI JOIN changed USING (call_id)
GROUP BY call_id, margin_account_id
HAVING sum(increment_amount_usd) <> max_by(call_amount_usd, call_version)
ORDER BY ALL
