-- Funding rates of the files the run was frozen on.
INSERT INTO book.funding BY NAME
SELECT $run_id AS run_id, contract_id, interval_end_ts, funding_rate, file_id, source_line
FROM raw.funding
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);
