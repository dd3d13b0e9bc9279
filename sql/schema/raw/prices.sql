-- One line per price of the set: contract marks, indices, collateral and currency rates, final settlement prices.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.prices (
    price_set_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    price_type VARCHAR NOT NULL,
    price VARCHAR,
    obs_ts VARCHAR,
    capture_ts VARCHAR,
    source VARCHAR,
    method VARCHAR,
    n_constituents VARCHAR,
    constituents_json VARCHAR,
    quality VARCHAR NOT NULL,
    version VARCHAR,
    supersedes VARCHAR,
    open_interest VARCHAR,
    volume_24h_usd VARCHAR,
    prev_price VARCHAR,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.prices.price_set_id IS 'text; key |  | the set all prices of a cycle belong to';
COMMENT ON COLUMN raw.prices.contract_id IS 'contract; key |  | contract, or index id such as BTC-USD';
COMMENT ON COLUMN raw.prices.price_type IS 'enum(SETTLE,MARK,INDEX,FINAL,FUNDING_AVG); key |  | what the price is';
COMMENT ON COLUMN raw.prices.price IS 'decimal(28,10); null control | quote per unit; coin for coin-settled options | the price; zero is valid for an option';
COMMENT ON COLUMN raw.prices.obs_ts IS 'timestamp; null | UTC | time of the observation';
COMMENT ON COLUMN raw.prices.capture_ts IS 'timestamp; null | UTC | time of capture; age = capture - observation';
COMMENT ON COLUMN raw.prices.source IS 'text; null |  | where it was seen';
COMMENT ON COLUMN raw.prices.method IS 'text; null |  | how it was formed';
COMMENT ON COLUMN raw.prices.n_constituents IS 'integer; null |  | constituents of an index';
COMMENT ON COLUMN raw.prices.constituents_json IS 'text; null |  | constituents and exclusions';
COMMENT ON COLUMN raw.prices.quality IS 'enum(OK,STALE,MODEL,MANUAL,PRIOR,PROXY) |  | quality of the price';
COMMENT ON COLUMN raw.prices.version IS 'integer; null |  | version of a restated price';
COMMENT ON COLUMN raw.prices.supersedes IS 'text; null |  | what a restated price replaces';
COMMENT ON COLUMN raw.prices.open_interest IS 'decimal(28,8); null | contracts | open interest of the contract at the venue';
COMMENT ON COLUMN raw.prices.volume_24h_usd IS 'decimal(28,2); null | USD | turnover of 24 hours';
COMMENT ON COLUMN raw.prices.prev_price IS 'decimal(28,10); null | as price | settlement price of the previous cycle, used in a genesis cycle';
