-- the house's rounding account takes what rounding left over, per asset
WITH residue AS (
    SELECT asset, -sum(rounded_total) AS amount FROM result.settlement_rounding WHERE run_id = $run_id GROUP BY ALL
),
posted AS (
    SELECT asset, sum(amount) AS amount
    FROM result.ledger
    WHERE
        run_id = $run_id AND clearing_member_id = 'CCP' AND margin_account_id = 'ROUNDING'
        AND movement_type = 'ROUNDING'
    GROUP BY ALL
)
SELECT
    asset AS place, coalesce(posted.amount, 0)::VARCHAR AS found, coalesce(residue.amount, 0)::VARCHAR AS expected
FROM posted
FULL JOIN residue USING (asset)
WHERE coalesce(posted.amount, 0) <> coalesce(residue.amount, 0)
ORDER BY ALL
