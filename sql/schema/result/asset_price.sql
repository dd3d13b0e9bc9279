-- USD price of every asset held, due or paid in.
CREATE TABLE IF NOT EXISTS result.asset_price (
    run_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    price_usd DECIMAL(28, 10) NOT NULL,
    obs_ts TIMESTAMP,
    quality VARCHAR NOT NULL,
    lowest_price_usd DECIMAL(28, 10) NOT NULL,
    lowest_source VARCHAR NOT NULL,
    highest_price_usd DECIMAL(28, 10) NOT NULL,
    highest_source VARCHAR NOT NULL,
    sources INTEGER NOT NULL
);
COMMENT ON COLUMN result.asset_price.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.asset_price.asset IS 'asset';
COMMENT ON COLUMN result.asset_price.price_usd IS 'USD per unit';
COMMENT ON COLUMN result.asset_price.obs_ts IS 'UTC';
COMMENT ON COLUMN result.asset_price.quality IS 'quality of the price';
COMMENT ON COLUMN result.asset_price.lowest_price_usd IS 'USD per unit, the lowest of the admissible sources: what collateral held is worth';
COMMENT ON COLUMN result.asset_price.lowest_source IS 'source of the lowest price';
COMMENT ON COLUMN result.asset_price.highest_price_usd IS 'USD per unit, the highest of the admissible sources: what a balance owed is worth';
COMMENT ON COLUMN result.asset_price.highest_source IS 'source of the highest price';
COMMENT ON COLUMN result.asset_price.sources IS 'admissible sources; 0 for the dollar, which needs none';
