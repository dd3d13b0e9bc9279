-- What stands behind the scenario sets of an account type, one line per set and underlying.
CREATE TABLE IF NOT EXISTS result.scenario_set (
    run_id VARCHAR NOT NULL,
    account_type VARCHAR NOT NULL,
    scenario_set VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    horizon_days INTEGER NOT NULL,
    scenarios INTEGER NOT NULL,
    proxied INTEGER NOT NULL,
    vol_proxied INTEGER NOT NULL,
    dropped INTEGER NOT NULL
);
COMMENT ON COLUMN result.scenario_set.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.scenario_set.account_type IS 'HOUSE, CLIENT_OMNI_NET or CLIENT_GROSS';
COMMENT ON COLUMN result.scenario_set.scenario_set IS 'FILTERED, STRESSED, or LONG_RUN where that floor is on';
COMMENT ON COLUMN result.scenario_set.underlying IS 'asset';
COMMENT ON COLUMN result.scenario_set.horizon_days IS 'days, liquidation period of the account type and underlying';
COMMENT ON COLUMN result.scenario_set.scenarios IS 'scenarios of the set';
COMMENT ON COLUMN result.scenario_set.proxied IS 'scenarios in which the underlying''s return is a declared proxy';
COMMENT ON COLUMN result.scenario_set.vol_proxied IS 'scenarios in which the move of implied volatility is the proxy, none having been observed';
COMMENT ON COLUMN result.scenario_set.dropped IS 'start dates in reach of the set without a scenario because a close is missing';
