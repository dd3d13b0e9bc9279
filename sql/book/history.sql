-- Daily closes of the files the run was frozen on.
INSERT INTO book.history BY NAME
SELECT $run_id AS run_id, underlying, "date", "close", file_id, source_line
FROM raw.history
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);
