-- When the latest file of a run was made, where the cycle went out before: no call of a correction is dated before it.
SELECT max(file.created_ts) AS created_ts
FROM control.input_manifest AS manifest
JOIN raw.file AS file USING (file_id)
WHERE manifest.run_id = $run_id AND EXISTS (
    SELECT 1 FROM control.release
    WHERE release.cycle_id = $cycle_id AND release.run_id <> $run_id AND release.state = 'PUBLISHED'
);
