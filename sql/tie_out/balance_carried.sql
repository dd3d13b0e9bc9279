-- a balance opens with the closing of the predecessor
WITH carried AS (
    SELECT * FROM result.balance WHERE run_id = $predecessor_run_id
),
balance AS (
    SELECT * FROM result.balance WHERE run_id = $run_id
)
SELECT
    concat_ws(' ', margin_account_id, asset) AS place, coalesce(balance.opening, 0)::VARCHAR AS found,
    coalesce(carried.closing, 0)::VARCHAR AS expected
FROM balance
FULL JOIN carried USING (clearing_member_id, margin_account_id, asset)
WHERE $predecessor_run_id <> '' AND coalesce(balance.opening, 0) <> coalesce(carried.closing, 0)
ORDER BY ALL
