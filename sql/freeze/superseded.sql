-- The release a run's own replaces: the latest one of the cycle that went out before it, with the run it printed.
SELECT release.version, release.root_hash, cycle_run.*
FROM control.release
JOIN control.cycle_run USING (run_id)
WHERE release.cycle_id = $cycle_id AND release.state = 'PUBLISHED' AND release.run_id <> $run_id
    AND release.version < coalesce(
        (SELECT min(own.version) FROM control.release AS own WHERE own.run_id = $run_id), 1000000
    )
ORDER BY release.version DESC
LIMIT 1;
