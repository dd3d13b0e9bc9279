-- What back-tests have computed: one policy, one static portfolio, one calendar year. Recomputable, so no ledger.
CREATE TABLE IF NOT EXISTS result.back_test_slice (
    slice_key VARCHAR NOT NULL,
    policy_hash VARCHAR NOT NULL,
    minimum_scenarios INTEGER NOT NULL,
    portfolio VARCHAR NOT NULL,
    first_date DATE NOT NULL,
    last_date DATE NOT NULL
);
COMMENT ON COLUMN result.back_test_slice.slice_key IS 'sha256 over all the rates depend on: model, policy, closes up to the last day and its liquidation period, portfolio, days';
COMMENT ON COLUMN result.back_test_slice.policy_hash IS 'policy the rates are of';
COMMENT ON COLUMN result.back_test_slice.minimum_scenarios IS 'valid scenarios a day needed for a rate';
COMMENT ON COLUMN result.back_test_slice.portfolio IS 'static portfolio';
COMMENT ON COLUMN result.back_test_slice.first_date IS 'first day of the slice';
COMMENT ON COLUMN result.back_test_slice.last_date IS 'last day of the slice';
