-- Accounts that broken lines hold: the one a line names, or every account of a member whose line names none of its own.
SELECT
    account.clearing_member_id,
    account.margin_account_id,
    string_agg(DISTINCT line.code, ' ' ORDER BY line.code) AS codes,
    count(DISTINCT (line.dataset, line.file_id, line.source_line, line.contract_id)) AS lines
FROM book.account AS account
JOIN (
    SELECT
        *, (clearing_member_id, margin_account_id) IN (
            SELECT (clearing_member_id, margin_account_id) FROM book.account WHERE run_id = $run_id
        ) AS registered
    FROM book.held_line
    WHERE run_id = $run_id
) AS line
    ON line.clearing_member_id = account.clearing_member_id
    AND (line.margin_account_id = account.margin_account_id OR NOT line.registered)
WHERE account.run_id = $run_id
GROUP BY ALL
ORDER BY ALL
