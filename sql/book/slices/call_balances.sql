-- Balances after today's postings with price and the assets the member may post.
SELECT
    b.clearing_member_id,
    b.margin_account_id,
    b.asset,
    b.closing AS quantity,
    p.price_usd,
    m.permitted_assets
FROM result.balance AS b
LEFT JOIN result.asset_price AS p
    ON p.run_id = b.run_id AND p.asset = b.asset
LEFT JOIN book.member AS m
    ON m.run_id = b.run_id AND m.clearing_member_id = b.clearing_member_id
WHERE b.run_id = $run_id
ORDER BY ALL
