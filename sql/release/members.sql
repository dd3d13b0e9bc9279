-- Accounts of a run and whose they are.
SELECT DISTINCT margin_account_id, clearing_member_id
FROM result.margin_account
WHERE run_id = $run_id
ORDER BY ALL;
