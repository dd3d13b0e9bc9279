-- critical · book · F16 · every account, position and balance names a delivered member
-- Do: deliver the member, or correct the line.
WITH named AS (
    SELECT 'accounts' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, '' AS contract_id
    FROM book.account WHERE run_id = $run_id
    UNION ALL
    SELECT 'positions', file_id, source_line, clearing_member_id, margin_account_id, contract_id
    FROM book.position WHERE run_id = $run_id
    UNION ALL
    SELECT 'collateral_balances', file_id, source_line, clearing_member_id, margin_account_id, asset
    FROM book.collateral WHERE run_id = $run_id
)
SELECT *, clearing_member_id AS value, 'listed in members' AS limit_value
FROM named
ANTI JOIN (SELECT clearing_member_id FROM book.member WHERE run_id = $run_id) USING (clearing_member_id)
