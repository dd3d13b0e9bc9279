-- How deep the market of each underlying was taken to be, and how much it moves in a day.
CREATE TABLE IF NOT EXISTS result.liquidity (
    run_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    daily_volume_usd DOUBLE NOT NULL,
    volume_quality VARCHAR NOT NULL,
    half_spread_fraction DOUBLE NOT NULL,
    spread_quality VARCHAR NOT NULL,
    volatility_per_day DOUBLE NOT NULL,
    daily_vega_usd DOUBLE NOT NULL,
    vol_half_spread DOUBLE NOT NULL,
    vol_move_per_day DOUBLE NOT NULL,
    vega_quality VARCHAR NOT NULL
);
COMMENT ON COLUMN result.liquidity.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.liquidity.underlying IS 'product group';
COMMENT ON COLUMN result.liquidity.daily_volume_usd IS 'USD, traded in a day over futures and perpetuals';
COMMENT ON COLUMN result.liquidity.volume_quality IS 'OK delivered, PROXY a declared value';
COMMENT ON COLUMN result.liquidity.half_spread_fraction IS 'fraction of the price, of the narrowest order book';
COMMENT ON COLUMN result.liquidity.spread_quality IS 'OK delivered, PROXY a declared value';
COMMENT ON COLUMN result.liquidity.volatility_per_day IS 'fraction per sqrt(day), forecast at the close of the business date';
COMMENT ON COLUMN result.liquidity.daily_vega_usd IS 'USD per vol point (0.01), traded in a day';
COMMENT ON COLUMN result.liquidity.vol_half_spread IS 'fraction per sqrt(year)';
COMMENT ON COLUMN result.liquidity.vol_move_per_day IS 'fraction per sqrt(year), move of a day';
COMMENT ON COLUMN result.liquidity.vega_quality IS 'quality of the three figures of vega: PROXY declared values';
