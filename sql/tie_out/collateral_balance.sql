-- the collateral valued is the closing balance less what of it is disputed
WITH valued AS (
    SELECT * FROM result.collateral WHERE run_id = $run_id
),
balance AS (
    SELECT clearing_member_id, margin_account_id, asset, closing - coalesce(qty_disputed, 0) AS closing
    FROM result.balance
    LEFT JOIN book.collateral USING (run_id, clearing_member_id, margin_account_id, asset)
    WHERE run_id = $run_id
)
SELECT
    concat_ws(' ', margin_account_id, asset) AS place, coalesce(valued.quantity, 0)::VARCHAR AS found,
    coalesce(balance.closing, 0)::VARCHAR AS expected
FROM valued
FULL JOIN balance USING (clearing_member_id, margin_account_id, asset)
WHERE coalesce(valued.quantity, 0) <> coalesce(balance.closing, 0)
ORDER BY ALL
