-- Anti-procyclicality buffer of each underlying, on a reference portfolio that never changes; carried from day to day.
CREATE TABLE IF NOT EXISTS result.apc_buffer (
    run_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    margin_rate DOUBLE NOT NULL,
    average_rate DOUBLE NOT NULL,
    charged_rate DOUBLE NOT NULL,
    buffer_fraction DOUBLE NOT NULL,
    state VARCHAR NOT NULL
);
COMMENT ON COLUMN result.apc_buffer.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.apc_buffer.underlying IS 'product group';
COMMENT ON COLUMN result.apc_buffer.margin_rate IS 'fraction of the notional, base margin of one unit outright, the dearer side';
COMMENT ON COLUMN result.apc_buffer.average_rate IS 'fraction of the notional, exponentially weighted mean of margin_rate up to this day';
COMMENT ON COLUMN result.apc_buffer.charged_rate IS 'fraction of the notional, margin rate with the buffer in force';
COMMENT ON COLUMN result.apc_buffer.buffer_fraction IS 'charged_rate / margin_rate - 1, >= 0';
COMMENT ON COLUMN result.apc_buffer.state IS 'OFF, FULL, RELEASED or REPLENISHING';
