-- Prices of the run as delivered; what may be used of them is decided by mark.
CREATE TABLE IF NOT EXISTS book.price (
    run_id VARCHAR NOT NULL,
    price_set_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    price_type VARCHAR NOT NULL,
    price DECIMAL(28, 10),
    obs_ts TIMESTAMP,
    age_seconds DOUBLE,
    source VARCHAR,
    method VARCHAR,
    quality VARCHAR NOT NULL,
    open_interest DECIMAL(28, 8),
    volume_24h_usd DECIMAL(28, 2),
    prev_price DECIMAL(28, 10),
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.price.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.price.price_set_id IS 'price set';
COMMENT ON COLUMN book.price.contract_id IS 'contract or index';
COMMENT ON COLUMN book.price.price_type IS 'SETTLE, MARK, INDEX, FINAL or FUNDING_AVG';
COMMENT ON COLUMN book.price.price IS 'quote per unit, coin for coin-settled options; empty = missing';
COMMENT ON COLUMN book.price.obs_ts IS 'UTC, time of the observation';
COMMENT ON COLUMN book.price.age_seconds IS 's, capture less observation; empty where either is missing';
COMMENT ON COLUMN book.price.source IS 'where it was seen';
COMMENT ON COLUMN book.price.method IS 'how it was formed';
COMMENT ON COLUMN book.price.quality IS 'OK, STALE, MODEL, MANUAL, PRIOR or PROXY';
COMMENT ON COLUMN book.price.open_interest IS 'contracts';
COMMENT ON COLUMN book.price.volume_24h_usd IS 'USD';
COMMENT ON COLUMN book.price.prev_price IS 'settlement price of the previous cycle as delivered';
COMMENT ON COLUMN book.price.file_id IS 'delivered file';
COMMENT ON COLUMN book.price.source_line IS 'line of the file, first = 1';
