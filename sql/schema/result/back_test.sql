-- Judgement of each static portfolio under each policy, one row each; what it was judged on is in its key.
CREATE TABLE IF NOT EXISTS result.back_test (
    series_key VARCHAR NOT NULL,
    policy_id VARCHAR NOT NULL,
    policy_hash VARCHAR NOT NULL,
    minimum_scenarios INTEGER NOT NULL,
    portfolio VARCHAR NOT NULL,
    product VARCHAR NOT NULL,
    horizon_days INTEGER NOT NULL,
    first_date DATE NOT NULL,
    last_date DATE NOT NULL,
    observations INTEGER NOT NULL,
    breaches INTEGER NOT NULL,
    coverage DOUBLE NOT NULL,
    coverage_low DOUBLE NOT NULL,
    coverage_high DOUBLE NOT NULL,
    overlap_low DOUBLE NOT NULL,
    overlap_high DOUBLE NOT NULL,
    mean_margin DOUBLE NOT NULL,
    matched_cost DOUBLE NOT NULL,
    peak_to_trough DOUBLE
);
COMMENT ON COLUMN result.back_test.series_key IS 'sha256 over the slices, the days and what was asked of them';
COMMENT ON COLUMN result.back_test.policy_id IS 'policy';
COMMENT ON COLUMN result.back_test.policy_hash IS 'its hash';
COMMENT ON COLUMN result.back_test.minimum_scenarios IS 'valid scenarios a day needed for a rate';
COMMENT ON COLUMN result.back_test.portfolio IS 'static portfolio';
COMMENT ON COLUMN result.back_test.product IS 'OUTRIGHT, INVERSE or SPREAD';
COMMENT ON COLUMN result.back_test.horizon_days IS 'days, longest liquidation period of its coins';
COMMENT ON COLUMN result.back_test.first_date IS 'first day judged';
COMMENT ON COLUMN result.back_test.last_date IS 'last day judged';
COMMENT ON COLUMN result.back_test.observations IS 'days with a margin and a loss; their windows overlap';
COMMENT ON COLUMN result.back_test.breaches IS 'days whose loss was above the margin';
COMMENT ON COLUMN result.back_test.coverage IS 'fraction of the days without a breach';
COMMENT ON COLUMN result.back_test.coverage_low IS 'fraction, exact lower bound of 95 % as if windows were independent';
COMMENT ON COLUMN result.back_test.coverage_high IS 'fraction, exact upper bound of 95 % as if windows were independent';
COMMENT ON COLUMN result.back_test.overlap_low IS 'fraction, lower bound of 95 % by the simulated law of overlapping windows';
COMMENT ON COLUMN result.back_test.overlap_high IS 'fraction, upper bound of 95 % by the simulated law of overlapping windows';
COMMENT ON COLUMN result.back_test.mean_margin IS 'fraction of gross notional, mean rate of the days judged';
COMMENT ON COLUMN result.back_test.matched_cost IS 'fraction of gross notional, mean rate once scaled to cover exactly what is asked';
COMMENT ON COLUMN result.back_test.peak_to_trough IS 'ratio of the largest rate to the smallest';
