-- Runs that rest on something that has changed since, and on what: a run they follow was replaced, or does not hold a
-- file that has landed since. What opened as it would open today ($unmoved) passes nothing on.
WITH RECURSIVE in_force AS (
    SELECT cycle_id, run_id
    FROM control.release
    WHERE state = 'PUBLISHED'
    QUALIFY row_number() OVER (PARTITION BY cycle_id ORDER BY version DESC) = 1
),
doubtful AS (
    SELECT release.run_id, concat(release.run_id, ' was replaced by ', in_force.run_id) AS why
    FROM control.release
    JOIN in_force USING (cycle_id)
    WHERE release.state = 'PUBLISHED' AND release.run_id <> in_force.run_id
    UNION ALL
    SELECT manifest.run_id, concat(manifest.run_id, ' does not hold ', file.file_id)
    FROM control.input_manifest AS manifest
    JOIN control.cycle_run USING (run_id)
    JOIN raw.file
        ON file.business_date = cycle_run.business_date AND file.cycle = cycle_run.cycle
        AND file.dataset = manifest.dataset AND file.sender = manifest.sender AND file.seq > manifest.seq
),
reached AS (
    SELECT run_id, why FROM doubtful
    UNION
    SELECT cycle_run.run_id, reached.why
    FROM control.cycle_run
    JOIN reached ON cycle_run.predecessor_run_id = reached.run_id
    WHERE NOT list_contains($unmoved, cycle_run.run_id)
)
SELECT run_id, why
FROM reached
JOIN in_force USING (run_id)
ORDER BY run_id, why;
