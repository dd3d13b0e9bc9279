-- Value at risk and expected shortfall of each underlying and of the house, as the margin model has them at a cycle.
CREATE TABLE IF NOT EXISTS result.risk_level (
    run_id VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    volatility DOUBLE,
    fast_volatility DOUBLE,
    value_at_risk DOUBLE,
    expected_shortfall DOUBLE,
    margin_rate DOUBLE,
    last_loss DOUBLE
);
COMMENT ON COLUMN result.risk_level.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.risk_level.subject IS 'underlying, or HOUSE: all of them by the notional members hold';
COMMENT ON COLUMN result.risk_level.volatility IS 'fraction per sqrt(day), forecast at the half-life of the policy; empty before it is seeded';
COMMENT ON COLUMN result.risk_level.fast_volatility IS 'fraction per sqrt(day), forecast at the half-life of the triggers';
COMMENT ON COLUMN result.risk_level.value_at_risk IS 'fraction of notional, over the liquidation period, the worse of long and short, loss > 0; empty: too little history';
COMMENT ON COLUMN result.risk_level.expected_shortfall IS 'fraction of notional, loss > 0, at the same confidence';
COMMENT ON COLUMN result.risk_level.margin_rate IS 'fraction of notional, margin of the worse side';
COMMENT ON COLUMN result.risk_level.last_loss IS 'fraction of notional, loss > 0 of the worse side over the liquidation period that ends here';
