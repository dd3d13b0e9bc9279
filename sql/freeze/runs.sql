-- Runs of a cycle, latest first, and how far their release came: `superseded` where a later version is out.
WITH released AS (
    SELECT run_id, max(version) AS version
    FROM control.release
    WHERE state = 'PUBLISHED'
    GROUP BY run_id
)
SELECT
    cycle_run.*,
    cycle_run.run_id IN (SELECT run_id FROM control.release WHERE state = 'PREPARED') AS prepared,
    cycle_run.state = 'PUBLISHED' OR released.version IS NOT NULL AS published,
    coalesce(released.version < max(released.version) OVER (), false) AS superseded
FROM control.cycle_run
LEFT JOIN released USING (run_id)
WHERE cycle_run.business_date = $business_date AND cycle_run.cycle = $cycle
ORDER BY run_no DESC;
