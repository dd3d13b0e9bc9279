-- Series beside the daily closes that the run looks back on.
CREATE TABLE IF NOT EXISTS book.factor_history (
    run_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    date DATE NOT NULL,
    level DECIMAL(28, 10) NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.factor_history.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.factor_history.underlying IS 'asset';
COMMENT ON COLUMN book.factor_history.series IS 'H00 to H23 close at an hour UTC; IV30 implied volatility at the money, F30 forward, at so many days; PERP perpetual';
COMMENT ON COLUMN book.factor_history.date IS 'day';
COMMENT ON COLUMN book.factor_history.level IS 'USD; IV fraction per sqrt(year), > 0';
COMMENT ON COLUMN book.factor_history.file_id IS 'delivered file';
COMMENT ON COLUMN book.factor_history.source_line IS 'line of the file, first = 1';
