-- Order book levels of the run.
CREATE TABLE IF NOT EXISTS book.depth (
    run_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    obs_ts TIMESTAMP NOT NULL,
    side VARCHAR NOT NULL,
    level INTEGER NOT NULL,
    price DECIMAL(28, 10) NOT NULL,
    size DECIMAL(28, 8) NOT NULL,
    size_unit VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.depth.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.depth.contract_id IS 'contract';
COMMENT ON COLUMN book.depth.obs_ts IS 'UTC';
COMMENT ON COLUMN book.depth.side IS 'BID or ASK';
COMMENT ON COLUMN book.depth.level IS '1 = best';
COMMENT ON COLUMN book.depth.price IS 'quote';
COMMENT ON COLUMN book.depth.size IS 'size_unit';
COMMENT ON COLUMN book.depth.size_unit IS 'CONTRACTS, COIN or QUOTE';
COMMENT ON COLUMN book.depth.file_id IS 'delivered file';
COMMENT ON COLUMN book.depth.source_line IS 'line of the file, first = 1';
