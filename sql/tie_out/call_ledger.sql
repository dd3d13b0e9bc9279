-- the call ledger asks of an account what its margin line says
WITH called AS (
    SELECT clearing_member_id, margin_account_id, sum(call_amount_usd) AS amount_usd
    FROM out.call_in_force
    WHERE of_run_id = $run_id
    GROUP BY ALL
),
account AS (
    SELECT * FROM result.margin_account WHERE run_id = $run_id
)
SELECT
    margin_account_id AS place, coalesce(amount_usd, 0)::VARCHAR AS found,
    coalesce(margin_call_amount_usd, 0)::VARCHAR AS expected
FROM called
FULL JOIN account USING (clearing_member_id, margin_account_id)
WHERE coalesce(amount_usd, 0) <> coalesce(margin_call_amount_usd, 0)
ORDER BY ALL
