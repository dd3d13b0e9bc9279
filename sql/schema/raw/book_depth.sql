-- One line per level of an order book snapshot.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.book_depth (
    contract_id VARCHAR NOT NULL,
    obs_ts VARCHAR NOT NULL,
    side VARCHAR NOT NULL,
    level VARCHAR NOT NULL,
    price VARCHAR NOT NULL,
    size VARCHAR NOT NULL,
    cum_size VARCHAR,
    size_unit VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.book_depth.contract_id IS 'contract; key |  | contract';
COMMENT ON COLUMN raw.book_depth.obs_ts IS 'timestamp; key | UTC | time of the snapshot';
COMMENT ON COLUMN raw.book_depth.side IS 'enum(BID,ASK); key |  | side of the book';
COMMENT ON COLUMN raw.book_depth.level IS 'integer; key |  | 1 = best';
COMMENT ON COLUMN raw.book_depth.price IS 'decimal(28,10) | quote | price of the level, > 0';
COMMENT ON COLUMN raw.book_depth.size IS 'decimal(28,8); control | size_unit | size of the level, > 0';
COMMENT ON COLUMN raw.book_depth.cum_size IS 'decimal(28,8); null | size_unit | size up to and including the level';
COMMENT ON COLUMN raw.book_depth.size_unit IS 'enum(CONTRACTS,COIN,QUOTE) |  | unit of the sizes';
