-- 4.4, 6.5 · margin and option value of every margin portfolio that holds a position at the end of a day, USD.
SELECT
    p.clearing_member_id, p.margin_account_id, p.client_id, p.initial_margin_usd, p.net_option_value_usd,
    EXISTS (
        SELECT 1 FROM book.position AS b
        WHERE b.run_id = p.run_id
            AND b.clearing_member_id = p.clearing_member_id
            AND b.margin_account_id = p.margin_account_id
            AND b.client_id = p.client_id
            AND b.qty_close <> 0
    ) AS holds
FROM result.portfolio AS p
WHERE p.run_id = $run_id
ORDER BY p.clearing_member_id, p.margin_account_id, p.client_id;
