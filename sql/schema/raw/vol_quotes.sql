-- One line per option: implied volatilities and the forward they refer to.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.vol_quotes (
    contract_id VARCHAR NOT NULL,
    iv_bid VARCHAR,
    iv_ask VARCHAR,
    iv_mark VARCHAR,
    forward VARCHAR,
    bid_px VARCHAR,
    ask_px VARCHAR,
    px_unit VARCHAR NOT NULL,
    bid_size VARCHAR,
    ask_size VARCHAR,
    vega_quote VARCHAR,
    oi VARCHAR,
    obs_ts VARCHAR,
    source VARCHAR,
    quality VARCHAR NOT NULL,
    surface_id VARCHAR,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.vol_quotes.contract_id IS 'contract; key |  | option';
COMMENT ON COLUMN raw.vol_quotes.iv_bid IS 'double; null | fraction per sqrt(year) | implied volatility of the bid';
COMMENT ON COLUMN raw.vol_quotes.iv_ask IS 'double; null | fraction per sqrt(year) | implied volatility of the ask';
COMMENT ON COLUMN raw.vol_quotes.iv_mark IS 'double; null control(12) | fraction per sqrt(year) | implied volatility of the mark, 0.55 = 55 %';
COMMENT ON COLUMN raw.vol_quotes.forward IS 'decimal(28,10); null | quote | forward of the expiry the volatility refers to';
COMMENT ON COLUMN raw.vol_quotes.bid_px IS 'decimal(28,10); null | px_unit | best bid, empty = not quoted';
COMMENT ON COLUMN raw.vol_quotes.ask_px IS 'decimal(28,10); null | px_unit | best ask, empty = not quoted';
COMMENT ON COLUMN raw.vol_quotes.px_unit IS 'enum(COIN,QUOTE) |  | unit of bid_px and ask_px';
COMMENT ON COLUMN raw.vol_quotes.bid_size IS 'decimal(28,8); null | contracts | size at the bid';
COMMENT ON COLUMN raw.vol_quotes.ask_size IS 'decimal(28,8); null | contracts | size at the ask';
COMMENT ON COLUMN raw.vol_quotes.vega_quote IS 'double; null | quote per vol point | vega as delivered, for information';
COMMENT ON COLUMN raw.vol_quotes.oi IS 'decimal(28,8); null | contracts | open interest';
COMMENT ON COLUMN raw.vol_quotes.obs_ts IS 'timestamp; null | UTC | time of the observation';
COMMENT ON COLUMN raw.vol_quotes.source IS 'text; null |  | where it was seen';
COMMENT ON COLUMN raw.vol_quotes.quality IS 'enum(OK,STALE,MODEL,MANUAL,PRIOR,PROXY) |  | quality of the quote';
COMMENT ON COLUMN raw.vol_quotes.surface_id IS 'text; null |  | surface it was taken from';
