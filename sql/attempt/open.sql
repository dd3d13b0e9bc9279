-- Attempts that began and did not end.
SELECT
    run_id,
    stage,
    attempt
FROM control.attempt
GROUP BY run_id, stage, attempt
HAVING count(*) FILTER (event <> 'STARTED') = 0
ORDER BY run_id, stage, attempt
