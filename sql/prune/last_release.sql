-- Business date of the latest release, NULL where nothing is out.
SELECT max(cycle_run.business_date) AS business_date
FROM control.release
JOIN control.cycle_run USING (run_id)
WHERE release.state = 'PUBLISHED';
