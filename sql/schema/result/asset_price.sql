-- USD price of every asset held, due or paid in.
CREATE TABLE IF NOT EXISTS result.asset_price (
    run_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    price_usd DECIMAL(28, 10) NOT NULL,
    obs_ts TIMESTAMP,
    quality VARCHAR NOT NULL
);
COMMENT ON COLUMN result.asset_price.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.asset_price.asset IS 'asset';
COMMENT ON COLUMN result.asset_price.price_usd IS 'USD per unit';
COMMENT ON COLUMN result.asset_price.obs_ts IS 'UTC';
COMMENT ON COLUMN result.asset_price.quality IS 'quality of the price';
