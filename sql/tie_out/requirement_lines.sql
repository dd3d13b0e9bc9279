-- requirement lines of a portfolio sum to its initial margin
WITH line AS (
    SELECT clearing_member_id, margin_account_id, client_id, sum(amount_usd) AS amount_usd
    FROM result.requirement
    WHERE run_id = $run_id
    GROUP BY ALL
),
portfolio AS (
    SELECT * FROM result.portfolio WHERE run_id = $run_id
)
SELECT
    concat_ws(' ', margin_account_id, nullif(client_id, '')) AS place, coalesce(amount_usd, 0)::VARCHAR AS found,
    initial_margin_usd::VARCHAR AS expected
FROM line
FULL JOIN portfolio USING (clearing_member_id, margin_account_id, client_id)
WHERE coalesce(amount_usd, 0) IS DISTINCT FROM initial_margin_usd
ORDER BY ALL
