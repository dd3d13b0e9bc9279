-- 6.2 · collateral held at the end of a day, USD before and after haircut, by kind of account and form of the asset, and
-- by form alone (TOTAL). What an account owes of an asset is no collateral held.
SELECT
    CASE WHEN grouping(a.account_type) = 1 THEN 'TOTAL' ELSE a.account_type END AS account_type,
    b.form,
    sum(c.market_value_usd) AS pre_haircut_usd,
    sum(c.post_haircut_value_usd) AS post_haircut_usd
FROM result.collateral AS c
LEFT JOIN book.account AS a
    ON a.run_id = c.run_id
    AND a.clearing_member_id = c.clearing_member_id
    AND a.margin_account_id = c.margin_account_id
LEFT JOIN result.balance AS b
    ON b.run_id = c.run_id
    AND b.clearing_member_id = c.clearing_member_id
    AND b.margin_account_id = c.margin_account_id
    AND b.asset = c.asset
WHERE c.run_id = $run_id AND c.quantity > 0
GROUP BY GROUPING SETS ((a.account_type, b.form), (b.form))
ORDER BY account_type, b.form;
