-- MX02 · submission status of a member: every file used, its own rows that were not used, and what was noted of it.
WITH party AS (
    SELECT clearing_member_id FROM book.account WHERE run_id = $run_id
    UNION
    SELECT clearing_member_id FROM book.member WHERE run_id = $run_id
),
accepted AS (
    SELECT clearing_member_id, file_id, count(*) AS accepted_rows
    FROM (
        SELECT clearing_member_id, file_id FROM book.account WHERE run_id = $run_id
        UNION ALL
        SELECT clearing_member_id, file_id FROM book.member WHERE run_id = $run_id
        UNION ALL
        SELECT clearing_member_id, file_id FROM book.position WHERE run_id = $run_id
        UNION ALL
        SELECT clearing_member_id, file_id FROM book.collateral WHERE run_id = $run_id
    ) AS own
    GROUP BY ALL
),
refused AS (
    SELECT clearing_member_id, file_id, count(*) AS rejected_rows
    FROM book.rejected
    WHERE run_id = $run_id
    GROUP BY ALL
),
found AS (
    SELECT * FROM control.finding
    WHERE run_id = $run_id
    QUALIFY row_number() OVER (
        PARTITION BY code, file_id, source_line, clearing_member_id, margin_account_id, contract_id
        ORDER BY severity, dataset, value, limit_value, meaning, action
    ) = 1
),
shown AS (
    SELECT
        party.clearing_member_id, 'FILE' AS row_type, i.dataset, i.file_id, 0 AS source_line, i.sha256,
        'ACCEPTED' AS code, 'info' AS severity, '' AS margin_account_id, '' AS contract_id, '' AS value,
        '' AS limit_value, 'file used by the cycle' AS meaning, '' AS action,
        coalesce(a.accepted_rows, 0) AS accepted_rows, coalesce(r.rejected_rows, 0) AS rejected_rows
    FROM control.input_manifest AS i
    CROSS JOIN party
    LEFT JOIN accepted AS a ON a.clearing_member_id = party.clearing_member_id AND a.file_id = i.file_id
    LEFT JOIN refused AS r ON r.clearing_member_id = party.clearing_member_id AND r.file_id = i.file_id
    -- another member's own file is nobody else's business
    WHERE i.run_id = $run_id
        AND (i.sender = party.clearing_member_id OR i.sender NOT IN (SELECT clearing_member_id FROM party))
    UNION ALL
    SELECT
        r.clearing_member_id, 'REJECTED', r.dataset, r.file_id, r.source_line, '', r.code, coalesce(f.severity, ''),
        coalesce(r.margin_account_id, ''), coalesce(r.contract_id, ''), coalesce(r.value, ''),
        coalesce(r.limit_value, ''), coalesce(f.meaning, ''), coalesce(f.action, ''), 0, 1
    FROM book.rejected AS r
    LEFT JOIN (SELECT DISTINCT ON (code, file_id, source_line) * FROM found ORDER BY ALL) AS f
        ON f.code = r.code AND f.file_id = r.file_id AND f.source_line = r.source_line
    WHERE r.run_id = $run_id AND r.clearing_member_id IN (SELECT clearing_member_id FROM party)
    UNION ALL
    SELECT
        f.clearing_member_id, 'NOTED', f.dataset, f.file_id, f.source_line, '', f.code, f.severity,
        f.margin_account_id, f.contract_id, f.value, f.limit_value, f.meaning, f.action, 0, 0
    FROM found AS f
    WHERE f.clearing_member_id IN (SELECT clearing_member_id FROM party)
        AND NOT EXISTS (
            SELECT 1 FROM book.rejected AS r
            WHERE r.run_id = $run_id AND r.code = f.code AND r.file_id = f.file_id AND r.source_line = f.source_line
        )
)
SELECT clearing_member_id, 'ALL' AS account, * EXCLUDE (clearing_member_id)
FROM shown
ORDER BY clearing_member_id, row_type, dataset, file_id, source_line, code, margin_account_id, contract_id, value;
