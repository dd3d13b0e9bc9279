-- Settlement marks: what each contract is worth and why that number was taken.
CREATE TABLE IF NOT EXISTS result.mark (
    run_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    settlement_price DECIMAL(28, 10) NOT NULL,
    prev_settlement_price DECIMAL(28, 10),
    index_price DECIMAL(28, 10) NOT NULL,
    forward_price DECIMAL(28, 10) NOT NULL,
    implied_volatility DOUBLE,
    settle_asset_price DECIMAL(28, 10) NOT NULL,
    final_price DECIMAL(28, 10),
    obs_ts TIMESTAMP,
    age_seconds DOUBLE,
    source VARCHAR,
    method VARCHAR NOT NULL,
    quality VARCHAR NOT NULL,
    mark_uncertainty_usd DOUBLE NOT NULL
);
COMMENT ON COLUMN result.mark.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.mark.contract_id IS 'contract';
COMMENT ON COLUMN result.mark.settlement_price IS 'quote per unit, coin for coin-settled options';
COMMENT ON COLUMN result.mark.prev_settlement_price IS 'settlement price of the previous cycle; empty for a contract new today';
COMMENT ON COLUMN result.mark.index_price IS 'USD, index of the underlying';
COMMENT ON COLUMN result.mark.forward_price IS 'quote: option: forward of its expiry; future and perpetual: the settlement price';
COMMENT ON COLUMN result.mark.implied_volatility IS 'fraction per sqrt(year), options only';
COMMENT ON COLUMN result.mark.settle_asset_price IS 'USD per settlement asset';
COMMENT ON COLUMN result.mark.final_price IS 'quote, final settlement price of a contract that expired in the cycle';
COMMENT ON COLUMN result.mark.obs_ts IS 'UTC';
COMMENT ON COLUMN result.mark.age_seconds IS 's';
COMMENT ON COLUMN result.mark.source IS 'where it was seen';
COMMENT ON COLUMN result.mark.method IS 'DELIVERED, MODEL_PRICE or FINAL';
COMMENT ON COLUMN result.mark.quality IS 'OK, STALE, MODEL, MANUAL, PRIOR or PROXY';
COMMENT ON COLUMN result.mark.mark_uncertainty_usd IS 'USD per contract, >= 0: vega times the volatility the mark is not sure of; 0 but for options';
