-- critical · member · F16 · a position or balance stands in an account of its member, of its registered type
-- Do: register the account, or correct the line.
-- A line of an unknown member is reported by unknown_member alone.
WITH named AS (
    SELECT
        'positions' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, contract_id, account_type
    FROM book.position
    WHERE run_id = $run_id
    UNION ALL
    SELECT 'collateral_balances', file_id, source_line, clearing_member_id, margin_account_id, asset, NULL
    FROM book.collateral
    WHERE run_id = $run_id
),
registered AS (
    SELECT clearing_member_id, margin_account_id, account_type AS registered_type
    FROM book.account
    WHERE run_id = $run_id
)
SELECT
    named.* EXCLUDE (account_type),
    CASE WHEN registered_type IS NULL THEN clearing_member_id || ' ' || margin_account_id ELSE account_type END
        AS value,
    coalesce(registered_type, 'registered in accounts') AS limit_value
FROM named
SEMI JOIN (SELECT clearing_member_id FROM book.member WHERE run_id = $run_id) USING (clearing_member_id)
LEFT JOIN registered USING (clearing_member_id, margin_account_id)
WHERE registered_type IS NULL OR account_type <> registered_type
