-- Series beside the daily closes, of the files the run was frozen on.
INSERT INTO book.factor_history BY NAME
SELECT $run_id AS run_id, underlying, series, "date", "level", file_id, source_line
FROM raw.factor_history
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);
