-- Business date of the latest end of day that is out; of the latest cycle where there is none yet.
SELECT coalesce(max(business_date) FILTER (cycle = 'EOD'), max(business_date)) AS business_date
FROM control.cycle_run
SEMI JOIN control.release ON release.run_id = cycle_run.run_id AND release.state = 'PUBLISHED';
