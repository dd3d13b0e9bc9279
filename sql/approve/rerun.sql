-- Who last asked, and why, that the run whose figures are out, or this one, is run again.
SELECT requested_by, reason
FROM control.rerun
WHERE run_id IN ($superseded_run_id, $run_id)
ORDER BY requested_ts DESC
LIMIT 1
