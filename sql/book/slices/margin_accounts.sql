-- Accounts to margin: all but closed ones, and a closed one while it holds a position or a balance.
SELECT
    a.clearing_member_id,
    a.margin_account_id,
    a.account_type,
    a.base_ccy,
    m.mta,
    m.rounding_unit,
    m.surveillance_level,
    m.credit_score,
    m.permitted_assets,
    concat_ws('|', a.clearing_member_id, m.parent_id, m.lei) AS related_parties,
    p.lowest_price_usd AS due_price_usd,
    h.run_id IS NOT NULL AS held
FROM book.account AS a
LEFT JOIN book.member AS m
    ON m.run_id = a.run_id AND m.clearing_member_id = a.clearing_member_id
LEFT JOIN result.held AS h
    ON h.run_id = a.run_id AND h.clearing_member_id = a.clearing_member_id
    AND h.margin_account_id = a.margin_account_id
LEFT JOIN result.asset_price AS p
    ON p.run_id = a.run_id AND p.asset = a.base_ccy
WHERE a.run_id = $run_id
    AND (
        a.status <> 'CLOSED'
        OR EXISTS (
            SELECT 1 FROM book.position AS q
            WHERE q.run_id = a.run_id AND q.clearing_member_id = a.clearing_member_id
                AND q.margin_account_id = a.margin_account_id AND q.qty_close <> 0
        )
        OR EXISTS (
            SELECT 1 FROM result.balance AS b
            WHERE b.run_id = a.run_id AND b.clearing_member_id = a.clearing_member_id
                AND b.margin_account_id = a.margin_account_id AND b.closing <> 0
        )
    )
ORDER BY ALL
