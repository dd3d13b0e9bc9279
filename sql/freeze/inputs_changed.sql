-- Datasets whose files are not the same in two runs.
SELECT DISTINCT dataset
FROM (
    (SELECT dataset, sender, seq, sha256 FROM control.input_manifest WHERE run_id = $run_id
     EXCEPT SELECT dataset, sender, seq, sha256 FROM control.input_manifest WHERE run_id = $superseded_run_id)
    UNION ALL
    (SELECT dataset, sender, seq, sha256 FROM control.input_manifest WHERE run_id = $superseded_run_id
     EXCEPT SELECT dataset, sender, seq, sha256 FROM control.input_manifest WHERE run_id = $run_id)
)
ORDER BY dataset;
