-- Option quotes of the run.
CREATE TABLE IF NOT EXISTS book.vol_quote (
    run_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    iv_bid DOUBLE,
    iv_ask DOUBLE,
    iv_mark DOUBLE,
    forward DECIMAL(28, 10),
    bid_px DECIMAL(28, 10),
    ask_px DECIMAL(28, 10),
    px_unit VARCHAR NOT NULL,
    obs_ts TIMESTAMP,
    quality VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.vol_quote.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.vol_quote.contract_id IS 'option';
COMMENT ON COLUMN book.vol_quote.iv_bid IS 'fraction per sqrt(year)';
COMMENT ON COLUMN book.vol_quote.iv_ask IS 'fraction per sqrt(year)';
COMMENT ON COLUMN book.vol_quote.iv_mark IS 'fraction per sqrt(year)';
COMMENT ON COLUMN book.vol_quote.forward IS 'quote, forward of the expiry';
COMMENT ON COLUMN book.vol_quote.bid_px IS 'px_unit, empty = not quoted';
COMMENT ON COLUMN book.vol_quote.ask_px IS 'px_unit, empty = not quoted';
COMMENT ON COLUMN book.vol_quote.px_unit IS 'COIN or QUOTE';
COMMENT ON COLUMN book.vol_quote.obs_ts IS 'UTC';
COMMENT ON COLUMN book.vol_quote.quality IS 'quality of the quote';
COMMENT ON COLUMN book.vol_quote.file_id IS 'delivered file';
COMMENT ON COLUMN book.vol_quote.source_line IS 'line of the file, first = 1';
