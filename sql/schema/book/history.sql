-- Daily closes the run looks back on.
CREATE TABLE IF NOT EXISTS book.history (
    run_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    date DATE NOT NULL,
    close DECIMAL(28, 10) NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.history.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.history.underlying IS 'asset';
COMMENT ON COLUMN book.history.date IS 'day';
COMMENT ON COLUMN book.history.close IS 'USD, > 0';
COMMENT ON COLUMN book.history.file_id IS 'delivered file';
COMMENT ON COLUMN book.history.source_line IS 'line of the file, first = 1';
