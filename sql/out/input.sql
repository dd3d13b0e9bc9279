-- OR01 · files the run was frozen on.
SELECT dataset, sender, seq, file_id, sha256, records
FROM control.input_manifest
WHERE run_id = $run_id
ORDER BY dataset, sender, seq;
