-- Held accounts, each with what it had to cover in the latest published cycle before in which it was not held.
WITH RECURSIVE chain AS (
    SELECT predecessor_run_id AS run_id, 1 AS back FROM control.cycle_run WHERE run_id = $run_id
    UNION ALL
    SELECT r.predecessor_run_id, chain.back + 1
    FROM control.cycle_run AS r
    JOIN chain ON chain.run_id = r.run_id
),
good AS (
    SELECT clearing_member_id, margin_account_id, run_id AS last_run_id, total_initial_margin_usd
    FROM result.margin_account
    JOIN chain USING (run_id)
    WHERE status <> 'HELD'
    QUALIFY row_number() OVER (PARTITION BY clearing_member_id, margin_account_id ORDER BY back) = 1
)
SELECT
    held.clearing_member_id, held.margin_account_id, held.codes, held.lines, good.last_run_id,
    good.total_initial_margin_usd AS last_requirement_usd
FROM book.held AS held
LEFT JOIN good USING (clearing_member_id, margin_account_id)
WHERE held.run_id = $run_id
ORDER BY ALL
