-- Issued calls of earlier cycles and what is still owed of them. What was met before is summed over the published runs
-- this one follows, so that running a cycle again counts no deposit twice. A call belongs to the time of its cycle: the
-- version of a correction may have been issued after this cycle's own snapshot and is owed all the same.
WITH RECURSIVE chain AS (
    SELECT predecessor_run_id AS run_id FROM control.cycle_run WHERE run_id = $run_id
    UNION ALL
    SELECT r.predecessor_run_id FROM control.cycle_run AS r JOIN chain ON chain.run_id = r.run_id
),
met AS (
    SELECT o.call_id, sum(o.met_usd) AS met_usd
    FROM result.outstanding_call AS o
    JOIN chain ON chain.run_id = o.run_id
    GROUP BY o.call_id
),
latest AS (
    SELECT c.*
    FROM control.margin_call AS c
    JOIN control.cycle_run AS r ON r.run_id = c.run_id
    WHERE c.state NOT IN ('DRAFT', 'APPROVED', 'INDICATIVE') AND c.cycle_id <> $cycle_id AND r.as_of_ts < $as_of_ts
    QUALIFY row_number() OVER (PARTITION BY c.call_id ORDER BY c.call_version DESC) = 1
)
SELECT
    c.clearing_member_id,
    c.margin_account_id,
    c.call_id,
    c.call_version,
    c.issued_ts,
    c.call_amount_usd,
    c.due_asset,
    c.due_amount,
    CAST(c.call_amount_usd - coalesce(met.met_usd, 0) AS DECIMAL(20, 2)) AS opening_usd,
    c.state
FROM latest AS c
LEFT JOIN met ON met.call_id = c.call_id
WHERE c.call_amount_usd > coalesce(met.met_usd, 0)
ORDER BY ALL
