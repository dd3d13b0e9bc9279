-- Scenarios of the run: one line per set, scenario and underlying.
CREATE TABLE IF NOT EXISTS result.scenario (
    run_id VARCHAR NOT NULL,
    scenario_set VARCHAR NOT NULL,
    scenario_index INTEGER NOT NULL,
    scenario_id VARCHAR NOT NULL,
    start_date DATE NOT NULL,
    underlying VARCHAR NOT NULL,
    horizon_days INTEGER NOT NULL,
    spot_return DOUBLE NOT NULL,
    scale_factor DOUBLE NOT NULL,
    vol_score DOUBLE NOT NULL,
    quality VARCHAR NOT NULL,
    vol_quality VARCHAR NOT NULL,
    basis_quality VARCHAR NOT NULL
);
COMMENT ON COLUMN result.scenario.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.scenario.scenario_set IS 'FILTERED, STRESSED, or LONG_RUN where that floor is on';
COMMENT ON COLUMN result.scenario.scenario_index IS 'position in its set, by start date';
COMMENT ON COLUMN result.scenario.scenario_id IS 'set letter (F, S, L) and start date';
COMMENT ON COLUMN result.scenario.start_date IS 'first close';
COMMENT ON COLUMN result.scenario.underlying IS 'asset';
COMMENT ON COLUMN result.scenario.horizon_days IS 'days, liquidation period of the returns';
COMMENT ON COLUMN result.scenario.spot_return IS 'log return after scaling';
COMMENT ON COLUMN result.scenario.scale_factor IS 'factor applied to the observed return';
COMMENT ON COLUMN result.scenario.vol_score IS 'normal score of the vol proxy';
COMMENT ON COLUMN result.scenario.quality IS 'OK, or PROXY where the return itself is a declared proxy';
COMMENT ON COLUMN result.scenario.vol_quality IS 'OK where the volatility level moves as observed (result.scenario_move), else PROXY: by vol_proxy of the policy';
COMMENT ON COLUMN result.scenario.basis_quality IS 'OK where forwards or the perpetual move against spot as observed, else PROXY: they move with spot';
