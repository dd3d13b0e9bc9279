-- What was paid in during the cycle, as call_balances has it.
SELECT
    c.clearing_member_id,
    c.margin_account_id,
    c.asset,
    c.deposits AS quantity,
    p.lowest_price_usd AS price_usd,
    m.permitted_assets,
    h.haircut_fraction,
    h.rule_id AS haircut_rule,
    h.issuer,
    concat_ws('|', c.clearing_member_id, m.parent_id, m.lei) AS related_parties
FROM book.collateral AS c
LEFT JOIN result.asset_price AS p
    ON p.run_id = c.run_id AND p.asset = c.asset
LEFT JOIN result.haircut AS h
    ON h.run_id = c.run_id AND h.asset = c.asset
LEFT JOIN book.member AS m
    ON m.run_id = c.run_id AND m.clearing_member_id = c.clearing_member_id
WHERE c.run_id = $run_id AND c.deposits > 0
ORDER BY ALL
