-- Tests of each judgement: of the count of overlapping windows, and of every phase of windows that do not overlap.
CREATE TABLE IF NOT EXISTS result.back_test_test (
    series_key VARCHAR NOT NULL,
    family VARCHAR NOT NULL,
    phase INTEGER,
    test VARCHAR NOT NULL,
    p_value DOUBLE NOT NULL,
    p_across DOUBLE NOT NULL,
    power DOUBLE,
    alternative VARCHAR NOT NULL,
    rejected BOOLEAN NOT NULL
);
COMMENT ON COLUMN result.back_test_test.series_key IS 'judgement the row belongs to';
COMMENT ON COLUMN result.back_test_test.family IS 'COUNT, COVERAGE or SHORTFALL';
COMMENT ON COLUMN result.back_test_test.phase IS 'first day of the windows of a phase, 0 on; empty: all overlapping windows';
COMMENT ON COLUMN result.back_test_test.test IS 'test';
COMMENT ON COLUMN result.back_test_test.p_value IS 'exact or simulated p-value of the test by itself';
COMMENT ON COLUMN result.back_test_test.p_across IS 'p-value once it is known that others were looked at (Holm); the same where there are none';
COMMENT ON COLUMN result.back_test_test.power IS 'probability that the alternative is rejected, empty where not known';
COMMENT ON COLUMN result.back_test_test.alternative IS 'alternative the power is against';
COMMENT ON COLUMN result.back_test_test.rejected IS 'whether p_across is at most the level';
