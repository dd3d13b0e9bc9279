-- critical · book · F17 · an account belongs to one member
-- Do: register the account for one member.
-- Calls and statements are addressed by account.
SELECT
    'accounts' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, margin_account_id AS value,
    'one member' AS limit_value
FROM book.account
WHERE run_id = $run_id
QUALIFY
    min(clearing_member_id) OVER (PARTITION BY margin_account_id)
    <> max(clearing_member_id) OVER (PARTITION BY margin_account_id)
