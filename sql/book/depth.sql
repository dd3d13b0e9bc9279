-- Order book levels of the files the run was frozen on.
INSERT INTO book.depth BY NAME
SELECT $run_id AS run_id, contract_id, obs_ts, side, level, price, size, size_unit, file_id, source_line
FROM raw.book_depth
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);
