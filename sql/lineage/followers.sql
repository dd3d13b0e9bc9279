-- Runs in force that follow a run which was replaced.
SELECT cycle_run.run_id, cycle_run.business_date, cycle_run.opening_root
FROM control.cycle_run
JOIN control.release AS own USING (run_id)
JOIN control.release AS replaced ON replaced.run_id = cycle_run.predecessor_run_id
WHERE own.state = 'PUBLISHED' AND replaced.state = 'PUBLISHED'
    AND EXISTS (
        SELECT 1 FROM control.release AS later
        WHERE later.cycle_id = replaced.cycle_id AND later.state = 'PUBLISHED' AND later.version > replaced.version
    )
ORDER BY cycle_run.run_id;
