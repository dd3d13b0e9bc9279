-- Runs from before a date that nothing rests on: never released nor prepared, nothing carried from them, and a later
-- run of the same cycle there.
SELECT run.run_id
FROM control.cycle_run AS run
WHERE run.business_date < $before
    AND run.run_id NOT IN (SELECT run_id FROM control.release)
    AND run.run_id NOT IN (SELECT predecessor_run_id FROM control.cycle_run)
    AND run.state <> 'PUBLISHED'
    AND EXISTS (
        SELECT 1 FROM control.cycle_run AS later
        WHERE later.business_date = run.business_date AND later.cycle = run.cycle AND later.run_no > run.run_no
    )
ORDER BY run.run_id;
