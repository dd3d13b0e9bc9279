-- OL01 · call ledger and ageing: calls of earlier cycles that were open when the cycle began (EARLIER), the cycle's own
-- calls (CALL) with the versions they replace (VERSION), and what default management takes over by account (HAND_OVER).
WITH run AS (
    SELECT run_id, business_date, cycle, run_no FROM control.cycle_run WHERE run_id = $run_id
),
answer AS (
    SELECT call_id, call_version, response_type FROM book.call_response WHERE run_id = $run_id
),
own AS (
    SELECT c.*, c.call_version = max(c.call_version) OVER (PARTITION BY c.call_id) AS latest, run.cycle
    FROM control.margin_call AS c
    JOIN control.cycle_run AS made USING (run_id)
    JOIN run ON run.business_date = made.business_date AND run.cycle = made.cycle AND made.run_no <= run.run_no
),
listed AS (
    SELECT
        'EARLIER' AS row_type, o.clearing_member_id, o.margin_account_id, o.call_id, o.call_version, o.cycle_id,
        o.state, o.cause, o.call_amount_usd, c.increment_amount_usd, o.call_amount_usd - o.closing_usd AS met_usd,
        o.closing_usd AS open_usd, o.fallen_due_usd, o.disputed_usd, o.overdue_usd, o.due_asset, c.due_amount,
        o.issued_ts, o.due_ts, o.age_days, o.overdue_hours, coalesce(answer.response_type, 'NONE') AS answer,
        c.reason_code, NULL::DECIMAL(20, 2) AS deficit_usd
    FROM result.outstanding_call AS o
    JOIN control.margin_call AS c ON c.call_id = o.call_id AND c.call_version = o.call_version
    LEFT JOIN answer ON answer.call_id = o.call_id AND answer.call_version = o.call_version
    WHERE o.run_id = $run_id
    UNION ALL
    SELECT
        CASE WHEN latest THEN 'CALL' ELSE 'VERSION' END, clearing_member_id, margin_account_id, call_id, call_version,
        cycle_id,
        CASE
            WHEN NOT latest THEN CASE WHEN state = 'MET' THEN 'MET' ELSE 'SUPERSEDED' END
            WHEN cycle LIKE 'ITD%' THEN 'INDICATIVE'
            WHEN call_amount_usd = 0 THEN 'WITHDRAWN'
            WHEN met_amount_usd >= call_amount_usd THEN 'MET'
            WHEN met_amount_usd > 0 THEN 'PART_MET'
            ELSE 'ISSUED'
        END,
        '', call_amount_usd, increment_amount_usd, met_amount_usd,
        CASE WHEN latest THEN greatest(call_amount_usd - met_amount_usd, 0) END, NULL, NULL, NULL, due_asset,
        due_amount, issued_ts, due_ts, NULL, NULL, '', reason_code, NULL
    FROM own
),
handed_over AS (
    SELECT
        a.clearing_member_id, a.margin_account_id, any_value(a.deficit_amount_usd) AS deficit_usd,
        coalesce(sum(o.closing_usd), 0) AS open_usd, coalesce(sum(o.overdue_usd), 0) AS overdue_usd,
        coalesce(sum(o.disputed_usd), 0) AS disputed_usd, max(o.age_days) AS age_days,
        max(o.overdue_hours) AS overdue_hours,
        CASE
            WHEN any_value(m.status) = 'DEFAULTED' THEN 'MEMBER_DEFAULTED'
            ELSE string_agg(DISTINCT o.cause, ' ' ORDER BY o.cause)
        END AS cause
    FROM result.margin_account AS a
    LEFT JOIN book.member AS m ON m.run_id = a.run_id AND m.clearing_member_id = a.clearing_member_id
    LEFT JOIN result.outstanding_call AS o
        ON o.run_id = a.run_id AND o.clearing_member_id = a.clearing_member_id
        AND o.margin_account_id = a.margin_account_id AND o.state = 'ESCALATED'
    WHERE a.run_id = $run_id AND (o.call_id IS NOT NULL OR (m.status = 'DEFAULTED' AND a.deficit_amount_usd > 0))
    GROUP BY a.clearing_member_id, a.margin_account_id
)
SELECT * FROM listed
UNION ALL
SELECT
    'HAND_OVER', clearing_member_id, margin_account_id, '', NULL, '', 'ESCALATED', cause, NULL, NULL, NULL, open_usd,
    NULL, disputed_usd, overdue_usd, '', NULL, NULL, NULL, age_days, overdue_hours, '', '', deficit_usd
FROM handed_over
ORDER BY row_type, clearing_member_id, margin_account_id, call_id, call_version;
