-- A run that never went out gives way to the next one of its cycle; one whose release is prepared is final.
UPDATE control.cycle_run SET state = 'SUPERSEDED'
WHERE business_date = $business_date AND cycle = $cycle AND state <> 'PUBLISHED'
    AND run_id NOT IN (SELECT run_id FROM control.release);
