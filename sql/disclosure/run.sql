-- The run in force of every day of a span whose end of day is published: that of its cycle's latest release.
SELECT run.run_id, run.business_date, run.as_of_ts, run.origin, run.policy_hash, run.model_version
FROM control.release AS release
JOIN control.cycle_run AS run USING (run_id)
WHERE release.state = 'PUBLISHED' AND run.cycle = 'EOD' AND run.business_date BETWEEN $first AND $last
QUALIFY row_number() OVER (PARTITION BY release.cycle_id ORDER BY release.version DESC) = 1
ORDER BY run.business_date;
