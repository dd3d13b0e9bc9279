-- Runs of a cycle, latest first, and how far their release came.
SELECT
    *,
    run_id IN (SELECT run_id FROM control.release WHERE state = 'PREPARED') AS prepared,
    state = 'PUBLISHED' OR run_id IN (SELECT run_id FROM control.release WHERE state = 'PUBLISHED') AS published
FROM control.cycle_run
WHERE business_date = $business_date AND cycle = $cycle
ORDER BY run_no DESC;
