-- Balances after today's postings with the price, haircut and issuer of the asset, what the member may post and who it
-- is: what is held counts at the lowest admissible price, what is owed at the highest.
-- What is disputed of a held account's balance does not count.
SELECT
    b.clearing_member_id,
    b.margin_account_id,
    b.asset,
    b.closing - coalesce(d.qty_disputed, 0) AS quantity,
    CASE WHEN b.closing - coalesce(d.qty_disputed, 0) < 0 THEN p.highest_price_usd ELSE p.lowest_price_usd END
        AS price_usd,
    m.permitted_assets,
    h.haircut_fraction,
    h.rule_id AS haircut_rule,
    h.issuer,
    concat_ws('|', b.clearing_member_id, m.parent_id, m.lei) AS related_parties
FROM result.balance AS b
LEFT JOIN result.asset_price AS p
    ON p.run_id = b.run_id AND p.asset = b.asset
LEFT JOIN result.haircut AS h
    ON h.run_id = b.run_id AND h.asset = b.asset
LEFT JOIN book.member AS m
    ON m.run_id = b.run_id AND m.clearing_member_id = b.clearing_member_id
LEFT JOIN book.collateral AS d
    ON d.run_id = b.run_id AND d.clearing_member_id = b.clearing_member_id
    AND d.margin_account_id = b.margin_account_id AND d.asset = b.asset
WHERE b.run_id = $run_id
ORDER BY ALL
