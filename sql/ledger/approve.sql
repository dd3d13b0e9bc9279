-- The calls of a run are final: its release is prepared.
UPDATE control.margin_call SET state = 'APPROVED' WHERE run_id = $run_id AND state = 'DRAFT';
