-- OR01 · stages done before publication and the rows they wrote; their times stay in the state files.
SELECT stage, rows
FROM control.stage_run
WHERE run_id = $run_id AND state = 'DONE' AND stage <> 'publish'
ORDER BY stage;
