-- The published end-of-day run balances are carried from: of the latest earlier date, the version in force.
SELECT cycle_run.run_id, cycle_run.business_date
FROM control.release
JOIN control.cycle_run USING (run_id)
WHERE release.state = 'PUBLISHED' AND cycle_run.cycle = 'EOD' AND cycle_run.business_date < $business_date
ORDER BY cycle_run.business_date DESC, release.version DESC
LIMIT 1;
