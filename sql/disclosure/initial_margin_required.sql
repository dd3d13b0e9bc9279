-- 6.1.1 · initial margin to be covered at the end of a day, USD, by kind of account and (TOTAL) of all.
SELECT
    CASE WHEN grouping(a.account_type) = 1 THEN 'TOTAL' ELSE a.account_type END AS account_type,
    sum(r.total_initial_margin_usd) AS amount_usd
FROM result.margin_account AS r
LEFT JOIN book.account AS a
    ON a.run_id = r.run_id
    AND a.clearing_member_id = r.clearing_member_id
    AND a.margin_account_id = r.margin_account_id
WHERE r.run_id = $run_id
GROUP BY GROUPING SETS ((a.account_type), ())
ORDER BY account_type;
