-- Prices of the files the run was frozen on. A price that is no number (NaN has no decimal form) is a missing price,
-- so it meets the same checks; age is capture less observation.
INSERT INTO book.price BY NAME
SELECT
    $run_id AS run_id, price_set_id, contract_id, price_type, try_cast(price AS DECIMAL(28, 10)) AS price, obs_ts,
    epoch_us(capture_ts::TIMESTAMP - obs_ts::TIMESTAMP) / 1e6 AS age_seconds, source, method, quality, open_interest,
    volume_24h_usd, try_cast(prev_price AS DECIMAL(28, 10)) AS prev_price, file_id, source_line
FROM raw.prices
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);
