-- Archived files that stay: those of the runs that stay, and every one that landed (a rebuild reads them again).
SELECT sha256 FROM control.input_manifest WHERE NOT list_contains($run_ids, run_id)
UNION
SELECT sha256 FROM raw.file
ORDER BY sha256;
