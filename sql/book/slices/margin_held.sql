-- Held accounts, each with what it last had to cover: in the latest published cycle before in which it was not held, or
-- on known rows of one since, where that was more. Otherwise what breaks on a second day would lower it.
WITH RECURSIVE chain AS (
    SELECT predecessor_run_id AS run_id, 1 AS back FROM control.cycle_run WHERE run_id = $run_id
    UNION ALL
    SELECT r.predecessor_run_id, chain.back + 1
    FROM control.cycle_run AS r
    JOIN chain ON chain.run_id = r.run_id
),
good AS (
    SELECT clearing_member_id, margin_account_id, run_id, back, total_initial_margin_usd AS requirement_usd
    FROM result.margin_account
    JOIN chain USING (run_id)
    WHERE status <> 'HELD'
    QUALIFY row_number() OVER (PARTITION BY clearing_member_id, margin_account_id ORDER BY back) = 1
),
since AS (
    SELECT held.clearing_member_id, held.margin_account_id, held.run_id, chain.back, held.known_requirement_usd
    FROM result.held AS held
    JOIN chain USING (run_id)
    LEFT JOIN good
        ON good.clearing_member_id = held.clearing_member_id AND good.margin_account_id = held.margin_account_id
    WHERE good.back IS NULL OR chain.back < good.back
),
last AS (
    SELECT *
    FROM (SELECT * FROM good UNION ALL SELECT * FROM since)
    QUALIFY row_number() OVER (
        PARTITION BY clearing_member_id, margin_account_id ORDER BY requirement_usd DESC, back DESC
    ) = 1
)
SELECT
    held.clearing_member_id, held.margin_account_id, held.codes, held.lines, last.run_id AS last_run_id,
    last.requirement_usd AS last_requirement_usd
FROM book.held AS held
LEFT JOIN last USING (clearing_member_id, margin_account_id)
WHERE held.run_id = $run_id
ORDER BY ALL
