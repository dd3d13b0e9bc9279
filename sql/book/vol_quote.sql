-- Option quotes of the files the run was frozen on.
INSERT INTO book.vol_quote BY NAME
SELECT
    $run_id AS run_id, contract_id, iv_bid, iv_ask, iv_mark, forward, bid_px, ask_px, px_unit, obs_ts, quality,
    file_id, source_line
FROM raw.vol_quotes
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);
