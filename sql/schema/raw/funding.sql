-- One line per perpetual and funding interval.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.funding (
    contract_id VARCHAR NOT NULL,
    interval_end_ts VARCHAR NOT NULL,
    funding_rate VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.funding.contract_id IS 'contract; key |  | perpetual';
COMMENT ON COLUMN raw.funding.interval_end_ts IS 'timestamp; key | UTC | end of the interval';
COMMENT ON COLUMN raw.funding.funding_rate IS 'decimal(18,12); control | fraction per interval | > 0 = longs pay shorts';
