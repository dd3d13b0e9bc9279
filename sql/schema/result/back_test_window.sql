-- Coverage, cost and movement of the margin of each judgement by window of days: PB01.
CREATE TABLE IF NOT EXISTS result.back_test_window (
    series_key VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    window_name VARCHAR NOT NULL,
    first_date DATE NOT NULL,
    last_date DATE NOT NULL,
    observations INTEGER NOT NULL,
    breaches INTEGER NOT NULL,
    coverage DOUBLE,
    coverage_low DOUBLE,
    coverage_high DOUBLE,
    mean_rate DOUBLE,
    smallest_rate DOUBLE,
    largest_loss DOUBLE,
    uncovered_largest DOUBLE,
    uncovered_mean DOUBLE,
    peak_to_trough DOUBLE,
    largest_rise_1d DOUBLE,
    largest_rise_5d DOUBLE,
    largest_rise_20d DOUBLE,
    large_call_1d DOUBLE,
    large_call_5d DOUBLE,
    large_call_20d DOUBLE,
    elasticity DOUBLE,
    buffer_used DOUBLE,
    days_below_buffer DOUBLE
);
COMMENT ON COLUMN result.back_test_window.series_key IS 'judgement the row belongs to';
COMMENT ON COLUMN result.back_test_window.position IS 'order of the windows, 0 = all days';
COMMENT ON COLUMN result.back_test_window.window_name IS 'name of the window';
COMMENT ON COLUMN result.back_test_window.first_date IS 'first day of the path within it';
COMMENT ON COLUMN result.back_test_window.last_date IS 'last day of the path within it';
COMMENT ON COLUMN result.back_test_window.observations IS 'days with a margin and a loss';
COMMENT ON COLUMN result.back_test_window.breaches IS 'days whose loss was above the margin';
COMMENT ON COLUMN result.back_test_window.coverage IS 'fraction of the days without a breach, empty without a day';
COMMENT ON COLUMN result.back_test_window.coverage_low IS 'fraction, exact lower bound of 95 %';
COMMENT ON COLUMN result.back_test_window.coverage_high IS 'fraction, exact upper bound of 95 %';
COMMENT ON COLUMN result.back_test_window.mean_rate IS 'fraction of gross notional';
COMMENT ON COLUMN result.back_test_window.smallest_rate IS 'fraction of gross notional';
COMMENT ON COLUMN result.back_test_window.largest_loss IS 'fraction of gross notional, loss > 0';
COMMENT ON COLUMN result.back_test_window.uncovered_largest IS 'fraction of gross notional, largest loss above margin, 0 without one';
COMMENT ON COLUMN result.back_test_window.uncovered_mean IS 'fraction of gross notional, mean loss above margin of the breaches, 0 without one';
COMMENT ON COLUMN result.back_test_window.peak_to_trough IS 'ratio of the largest rate to the smallest';
COMMENT ON COLUMN result.back_test_window.largest_rise_1d IS 'fraction, largest rise of the rate over 1 day';
COMMENT ON COLUMN result.back_test_window.largest_rise_5d IS 'fraction, largest rise of the rate over 5 days';
COMMENT ON COLUMN result.back_test_window.largest_rise_20d IS 'fraction, largest rise of the rate over 20 days';
COMMENT ON COLUMN result.back_test_window.large_call_1d IS 'fraction, rise of the rate over 1 day that 99 % of days stay below';
COMMENT ON COLUMN result.back_test_window.large_call_5d IS 'fraction, rise of the rate over 5 days that 99 % of days stay below';
COMMENT ON COLUMN result.back_test_window.large_call_20d IS 'fraction, rise of the rate over 20 days that 99 % of days stay below';
COMMENT ON COLUMN result.back_test_window.elasticity IS 'change of the log rate with the log volatility';
COMMENT ON COLUMN result.back_test_window.buffer_used IS 'fraction of the procyclicality buffer, empty where the policy has none';
COMMENT ON COLUMN result.back_test_window.days_below_buffer IS 'days with less than the whole buffer, empty where the policy has none';
