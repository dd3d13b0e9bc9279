-- Moves that were observed beside spot, of the scenarios that have some: one line per factor and tenor.
CREATE TABLE IF NOT EXISTS result.scenario_move (
    run_id VARCHAR NOT NULL,
    scenario_set VARCHAR NOT NULL,
    scenario_index INTEGER NOT NULL,
    scenario_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    horizon_days INTEGER NOT NULL,
    factor VARCHAR NOT NULL,
    tenor_days DOUBLE,
    move DOUBLE NOT NULL
);
COMMENT ON COLUMN result.scenario_move.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.scenario_move.scenario_set IS 'FILTERED, STRESSED, or LONG_RUN where that floor is on';
COMMENT ON COLUMN result.scenario_move.scenario_index IS 'position in its set, by start date';
COMMENT ON COLUMN result.scenario_move.scenario_id IS 'as in result.scenario';
COMMENT ON COLUMN result.scenario_move.underlying IS 'asset';
COMMENT ON COLUMN result.scenario_move.horizon_days IS 'days, liquidation period the move is taken over';
COMMENT ON COLUMN result.scenario_move.factor IS 'VOLATILITY level at the money, FORWARD against spot, PERPETUAL against spot';
COMMENT ON COLUMN result.scenario_move.tenor_days IS 'days to expiry, null for the perpetual';
COMMENT ON COLUMN result.scenario_move.move IS 'log move of the volatility level, or of F / S; not rescaled';
