-- Business date of the latest release, NULL where nothing is out; and how many runs are out.
SELECT max(cycle_run.business_date) AS business_date, count(DISTINCT run_id) AS replayable
FROM control.release
JOIN control.cycle_run USING (run_id)
WHERE release.state = 'PUBLISHED';
