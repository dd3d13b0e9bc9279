-- critical · member · F16 · a position of a gross account names its client, any other names none
-- Do: correct client_id or the account type.
SELECT
    'positions' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, contract_id,
    CASE client_id WHEN '' THEN 'no client' ELSE client_id END AS value, account_type AS limit_value
FROM book.position
WHERE run_id = $run_id AND (account_type = 'CLIENT_GROSS') = (client_id = '')
