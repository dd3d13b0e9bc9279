-- every account that is not closed has exactly one margin line, and none has one without being in the book
WITH open AS (
    SELECT clearing_member_id, margin_account_id FROM book.account WHERE run_id = $run_id AND status <> 'CLOSED'
),
listed AS (
    SELECT clearing_member_id, margin_account_id FROM book.account WHERE run_id = $run_id
),
line AS (
    SELECT clearing_member_id, margin_account_id, count(*) AS lines
    FROM result.margin_account
    WHERE run_id = $run_id
    GROUP BY ALL
)
SELECT margin_account_id AS place, coalesce(lines, 0)::VARCHAR AS found, '1' AS expected
FROM open
LEFT JOIN line USING (clearing_member_id, margin_account_id)
WHERE coalesce(lines, 0) <> 1
UNION ALL
SELECT margin_account_id, lines::VARCHAR, '0'
FROM line
ANTI JOIN listed USING (clearing_member_id, margin_account_id)
ORDER BY ALL
