-- Every breach of a judged path and what caused it: PB02.
CREATE TABLE IF NOT EXISTS result.back_test_exception (
    series_key VARCHAR NOT NULL,
    date DATE NOT NULL,
    end_date DATE NOT NULL,
    loss DOUBLE NOT NULL,
    rate DOUBLE NOT NULL,
    factor VARCHAR NOT NULL,
    factor_share DOUBLE NOT NULL,
    factor_move DOUBLE NOT NULL,
    factor_volatility DOUBLE,
    move_in_volatilities DOUBLE,
    days_since_breach INTEGER,
    days_to_breach INTEGER
);
COMMENT ON COLUMN result.back_test_exception.series_key IS 'judgement the row belongs to';
COMMENT ON COLUMN result.back_test_exception.date IS 'day at whose close the margin was asked for';
COMMENT ON COLUMN result.back_test_exception.end_date IS 'day of the close the loss runs to';
COMMENT ON COLUMN result.back_test_exception.loss IS 'fraction of gross notional, loss > 0';
COMMENT ON COLUMN result.back_test_exception.rate IS 'fraction of gross notional, margin';
COMMENT ON COLUMN result.back_test_exception.factor IS 'coin whose move lost most';
COMMENT ON COLUMN result.back_test_exception.factor_share IS 'its part of the loss; above 1 where another coin gained';
COMMENT ON COLUMN result.back_test_exception.factor_move IS 'fraction, move of its price over the liquidation period';
COMMENT ON COLUMN result.back_test_exception.factor_volatility IS 'fraction per sqrt(day), forecast at the close of the day before the move';
COMMENT ON COLUMN result.back_test_exception.move_in_volatilities IS 'log move over the forecast for the period, signed';
COMMENT ON COLUMN result.back_test_exception.days_since_breach IS 'days since the breach before, empty for the first';
COMMENT ON COLUMN result.back_test_exception.days_to_breach IS 'days to the next breach, empty for the last';
