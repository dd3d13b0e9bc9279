-- Position lines whose figures or names are doubtful, and what of a line's name is known. A line carried open that was
-- not delivered again is there as it was, without movements, on no line of a file.
WITH named AS (
    SELECT DISTINCT file_id, source_line
    FROM book.held_line
    WHERE run_id = $run_id AND dataset = 'positions' AND source_line > 0 AND list_contains($codes::VARCHAR[], code)
),
missing AS (
    SELECT carried.*
    FROM (
        SELECT * EXCLUDE (run_id) FROM book.position WHERE run_id = $predecessor_run_id
        UNION ALL BY NAME
        SELECT * EXCLUDE (run_id, charged_account_id) FROM book.suspense WHERE run_id = $predecessor_run_id
    ) AS carried
    ANTI JOIN (
        SELECT clearing_member_id, margin_account_id, client_id, contract_id FROM book.position WHERE run_id = $run_id
    ) USING (clearing_member_id, margin_account_id, client_id, contract_id)
    WHERE qty_close <> 0
),
lines AS (
    SELECT * EXCLUDE (run_id) FROM book.position SEMI JOIN named USING (file_id, source_line) WHERE run_id = $run_id
    UNION ALL BY NAME
    SELECT * REPLACE (
        qty_close AS qty_open, 0 AS qty_buy, 0 AS qty_sell, 0 AS qty_transfer, 0 AS qty_exercise_assign,
        0 AS qty_expired, 0 AS buy_value, 0 AS sell_value, 0 AS premium_paid, 0 AS fees,
        $predecessor_run_id AS file_id, 0 AS source_line
    )
    FROM missing
)
SELECT
    lines.* REPLACE (coalesce(registered.account_type, lines.account_type) AS account_type),
    contract.contract_id IS NOT NULL AS contract_known,
    registered.account_type IS NOT NULL AS account_known,
    (coalesce(registered.account_type, lines.account_type) = 'CLIENT_GROSS') = (client_id <> '') AS client_fits
FROM lines
LEFT JOIN (SELECT contract_id FROM book.contract WHERE run_id = $run_id) AS contract USING (contract_id)
LEFT JOIN (
    SELECT clearing_member_id, margin_account_id, account_type FROM book.account WHERE run_id = $run_id
) AS registered USING (clearing_member_id, margin_account_id)
ORDER BY clearing_member_id, margin_account_id, client_id, contract_id, file_id, source_line
