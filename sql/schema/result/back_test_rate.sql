-- Margin rate and loss of a static portfolio day by day, one row for each day of a slice.
CREATE TABLE IF NOT EXISTS result.back_test_rate (
    slice_key VARCHAR NOT NULL,
    date DATE NOT NULL,
    rate DOUBLE,
    loss DOUBLE,
    volatility DOUBLE,
    buffer DOUBLE,
    value_at_risk DOUBLE,
    expected_shortfall DOUBLE
);
COMMENT ON COLUMN result.back_test_rate.slice_key IS 'slice the row belongs to';
COMMENT ON COLUMN result.back_test_rate.date IS 'day at whose close the margin is asked for';
COMMENT ON COLUMN result.back_test_rate.rate IS 'fraction of gross notional, > 0, from data up to the day; empty: too little history';
COMMENT ON COLUMN result.back_test_rate.loss IS 'fraction of gross notional, loss > 0, over the liquidation period that follows; empty: a close is missing';
COMMENT ON COLUMN result.back_test_rate.volatility IS 'fraction per sqrt(day), of the portfolio as forecast at the close; empty before it is seeded';
COMMENT ON COLUMN result.back_test_rate.buffer IS 'procyclicality buffer in force, fraction of the margin before it; empty where there is no rate';
COMMENT ON COLUMN result.back_test_rate.value_at_risk IS 'fraction of gross notional, forecast quantile of the loss, loss > 0';
COMMENT ON COLUMN result.back_test_rate.expected_shortfall IS 'fraction of gross notional, forecast mean loss beyond it, loss > 0';
