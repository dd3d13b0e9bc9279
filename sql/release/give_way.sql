-- The runs whose releases a later version of the cycle has replaced.
UPDATE control.cycle_run SET state = 'SUPERSEDED'
WHERE run_id <> $run_id AND state = 'PUBLISHED'
    AND run_id IN (SELECT run_id FROM control.release WHERE cycle_id = $cycle_id AND state = 'PUBLISHED');
