-- Accounts that ask for joint collateral mode.
SELECT clearing_member_id, margin_account_id
FROM book.account
WHERE run_id = $run_id AND collateral_mode = 'joint'
ORDER BY ALL
