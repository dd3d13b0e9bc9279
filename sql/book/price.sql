-- Prices of the files the run was frozen on. A price that is no number (NaN has no decimal form) is a missing price,
-- so it meets the same checks; age is capture less observation.
INSERT INTO book.price BY NAME
SELECT
    $run_id AS run_id, price_set_id, contract_id, price_type, try_cast(price AS DECIMAL(28, 10)) AS price, obs_ts,
    epoch_us(capture_ts::TIMESTAMP - obs_ts::TIMESTAMP) / 1e6 AS age_seconds, source, method, quality, open_interest,
    volume_24h_usd, try_cast(prev_price AS DECIMAL(28, 10)) AS prev_price, file_id, source_line
FROM raw.prices
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);

-- A price two persons have put by hand takes the place of what is delivered: every source's, so that none is preferred.
UPDATE book.price AS price
SET
    price = decision.price, quality = 'MANUAL', method = 'MANUAL', source = 'MANUAL', age_seconds = 0,
    obs_ts = (SELECT as_of_ts FROM control.cycle_run WHERE run_id = $run_id)
FROM book.decision AS decision
WHERE price.run_id = $run_id AND decision.run_id = $run_id AND decision.kind = 'MANUAL_PRICE'
    AND decision.contract_id = price.contract_id AND decision.price_type = price.price_type;

-- Where nobody has delivered one it stands alone, with the decision for a file.
INSERT INTO book.price BY NAME
SELECT
    $run_id AS run_id,
    coalesce((SELECT min(price_set_id) FROM book.price WHERE run_id = $run_id), '') AS price_set_id,
    contract_id, price_type, price, as_of_ts AS obs_ts, 0 AS age_seconds, 'MANUAL' AS source, 'MANUAL' AS method,
    'MANUAL' AS quality, decision_id AS file_id, 0 AS source_line
FROM book.decision
JOIN control.cycle_run USING (run_id)
ANTI JOIN (SELECT contract_id, price_type FROM book.price WHERE run_id = $run_id) AS delivered
    USING (contract_id, price_type)
WHERE run_id = $run_id AND kind = 'MANUAL_PRICE';
