-- Funding rates of the run.
CREATE TABLE IF NOT EXISTS book.funding (
    run_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    interval_end_ts TIMESTAMP NOT NULL,
    funding_rate DECIMAL(18, 12) NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.funding.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.funding.contract_id IS 'perpetual';
COMMENT ON COLUMN book.funding.interval_end_ts IS 'UTC';
COMMENT ON COLUMN book.funding.funding_rate IS 'fraction per interval, > 0 = longs pay';
COMMENT ON COLUMN book.funding.file_id IS 'delivered file';
COMMENT ON COLUMN book.funding.source_line IS 'line of the file, first = 1';
