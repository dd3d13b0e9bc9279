-- The latest attempt at a stage of a run, and whether it is still open.
SELECT
    attempt,
    count(*) FILTER (event <> 'STARTED') = 0 AS is_open
FROM control.attempt
WHERE run_id = $run_id AND stage = $stage
GROUP BY attempt
ORDER BY attempt DESC
LIMIT 1
