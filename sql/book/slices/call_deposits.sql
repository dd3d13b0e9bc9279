-- What was paid in during the cycle, with price and the assets the member may post.
SELECT
    c.clearing_member_id,
    c.margin_account_id,
    c.asset,
    c.deposits AS quantity,
    p.price_usd,
    m.permitted_assets
FROM book.collateral AS c
LEFT JOIN result.asset_price AS p
    ON p.run_id = c.run_id AND p.asset = c.asset
LEFT JOIN book.member AS m
    ON m.run_id = c.run_id AND m.clearing_member_id = c.clearing_member_id
WHERE c.run_id = $run_id AND c.deposits > 0
ORDER BY ALL
