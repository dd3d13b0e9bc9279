-- a balance opens and moves by the account's own ledger entries
WITH posted AS (
    SELECT
        clearing_member_id, margin_account_id, asset,
        coalesce(sum(amount) FILTER (movement_type = 'OPEN'), 0) AS opening,
        coalesce(sum(amount) FILTER (movement_type <> 'OPEN'), 0) AS movements
    FROM result.ledger
    WHERE run_id = $run_id AND clearing_member_id <> 'CCP'
    GROUP BY ALL
),
balance AS (
    SELECT * FROM result.balance WHERE run_id = $run_id
)
SELECT
    concat_ws(' ', margin_account_id, asset) AS place,
    concat_ws(' + ', posted.opening, posted.movements) AS found,
    concat_ws(' + ', balance.opening, balance.movements) AS expected
FROM posted
FULL JOIN balance USING (clearing_member_id, margin_account_id, asset)
WHERE posted.opening IS DISTINCT FROM balance.opening OR posted.movements IS DISTINCT FROM balance.movements
ORDER BY ALL
