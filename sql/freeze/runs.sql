-- Runs of a cycle, latest first, and how far their release came.
SELECT
    cycle_run.*,
    coalesce(max(release.state) = 'PREPARED', false) AS prepared,
    cycle_run.state = 'PUBLISHED' OR coalesce(bool_or(release.state = 'PUBLISHED'), false) AS published
FROM control.cycle_run
LEFT JOIN control.release USING (run_id)
WHERE cycle_run.business_date = $business_date AND cycle_run.cycle = $cycle
GROUP BY ALL
ORDER BY cycle_run.run_no DESC;
