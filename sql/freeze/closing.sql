-- The published end-of-day run that closed a cycle: balances are carried on from it. None while the cycle is open.
SELECT cycle_run.run_id, cycle_run.business_date
FROM control.release
JOIN control.cycle_run USING (run_id)
WHERE release.state = 'PUBLISHED' AND cycle_run.cycle = 'EOD'
    AND (cycle_run.business_date > $business_date OR (cycle_run.business_date = $business_date AND $cycle <> 'EOD'))
ORDER BY cycle_run.business_date, release.version DESC
LIMIT 1;
