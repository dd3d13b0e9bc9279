-- One line per underlying and day: the full look-back, delivered every cycle so that a cycle freezes it.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.history (
    underlying VARCHAR NOT NULL,
    date VARCHAR NOT NULL,
    close VARCHAR NOT NULL,
    volume_usd VARCHAR,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.history.underlying IS 'id; key |  | asset';
COMMENT ON COLUMN raw.history.date IS 'date; key |  | day, at the series'' one declared close hour';
COMMENT ON COLUMN raw.history.close IS 'decimal(28,10); control | USD | close, > 0; a missing day is left out, never filled';
COMMENT ON COLUMN raw.history.volume_usd IS 'decimal(28,2); null | USD | turnover of the day';
