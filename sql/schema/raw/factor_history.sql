-- One line per underlying, series and day: what else moves beside the daily closes; the full look-back every cycle.
-- Not required: where a series has no line, the declared proxy of the scenarios acts and is counted.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.factor_history (
    underlying VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    date VARCHAR NOT NULL,
    level VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.factor_history.underlying IS 'id; key |  | asset whose daily closes are in history';
COMMENT ON COLUMN raw.factor_history.series IS 'text; key |  | H00 to H23 close at an hour UTC; IV30 implied volatility at the money, F30 forward, at so many days; PERP perpetual';
COMMENT ON COLUMN raw.factor_history.date IS 'date; key |  | day; IV, F and PERP at the hour of the asset''s daily close';
COMMENT ON COLUMN raw.factor_history.level IS 'decimal(28,10); control | USD, IV fraction per sqrt(year) | level, > 0; a missing day is left out, never filled';
