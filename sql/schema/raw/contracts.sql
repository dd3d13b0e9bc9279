-- One line per contract that is listed, held or settling.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.contracts (
    contract_id VARCHAR NOT NULL,
    venue_symbol VARCHAR,
    venue VARCHAR,
    kind VARCHAR NOT NULL,
    payoff VARCHAR NOT NULL,
    underlying_asset VARCHAR NOT NULL,
    quote_ccy VARCHAR NOT NULL,
    settle_asset VARCHAR NOT NULL,
    multiplier VARCHAR NOT NULL,
    tick_size VARCHAR,
    lot_size VARCHAR,
    price_dp VARCHAR,
    qty_dp VARCHAR,
    strike VARCHAR,
    option_type VARCHAR,
    exercise_style VARCHAR,
    list_ts VARCHAR,
    last_trade_ts VARCHAR,
    expiry_ts VARCHAR,
    final_settle_ts VARCHAR,
    settlement_index_id VARCHAR,
    settlement_method VARCHAR,
    funding_interval_s VARCHAR,
    funding_cap VARCHAR,
    isin VARCHAR,
    upi VARCHAR,
    cfi VARCHAR,
    mic VARCHAR,
    status VARCHAR NOT NULL,
    margin_class VARCHAR,
    liquidation_group VARCHAR,
    offset_set VARCHAR,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.contracts.contract_id IS 'contract; key |  | canonical id, such as BTC-20260327-90000-C.INV';
COMMENT ON COLUMN raw.contracts.venue_symbol IS 'text; null |  | the venue''s own name';
COMMENT ON COLUMN raw.contracts.venue IS 'text; null |  | venue of listing';
COMMENT ON COLUMN raw.contracts.kind IS 'enum(FUT,PERP,OPT) |  | future, perpetual or option';
COMMENT ON COLUMN raw.contracts.payoff IS 'enum(LINEAR,INVERSE) |  | linear pays in quote, inverse pays in the underlying coin';
COMMENT ON COLUMN raw.contracts.underlying_asset IS 'id |  | asset the payoff refers to';
COMMENT ON COLUMN raw.contracts.quote_ccy IS 'id |  | currency of the quoted price';
COMMENT ON COLUMN raw.contracts.settle_asset IS 'id |  | asset variation margin, premium and settlement are paid in';
COMMENT ON COLUMN raw.contracts.multiplier IS 'decimal(28,12); control | linear and options: underlying units per contract; inverse futures: USD per contract | contract size, > 0';
COMMENT ON COLUMN raw.contracts.tick_size IS 'decimal(28,12); null | quote | smallest price step';
COMMENT ON COLUMN raw.contracts.lot_size IS 'decimal(28,12); null | contracts | smallest quantity step';
COMMENT ON COLUMN raw.contracts.price_dp IS 'integer; null | digits | published price digits';
COMMENT ON COLUMN raw.contracts.qty_dp IS 'integer; null | digits | published quantity digits';
COMMENT ON COLUMN raw.contracts.strike IS 'decimal(28,10); null | quote | strike of an option, > 0';
COMMENT ON COLUMN raw.contracts.option_type IS 'enum(C,P); null |  | call or put';
COMMENT ON COLUMN raw.contracts.exercise_style IS 'enum(EUR); null |  | European';
COMMENT ON COLUMN raw.contracts.list_ts IS 'timestamp; null | UTC | first trading time';
COMMENT ON COLUMN raw.contracts.last_trade_ts IS 'timestamp; null | UTC | last trading time';
COMMENT ON COLUMN raw.contracts.expiry_ts IS 'timestamp; null | UTC | expiry, empty for a perpetual';
COMMENT ON COLUMN raw.contracts.final_settle_ts IS 'timestamp; null | UTC | time of the final settlement price';
COMMENT ON COLUMN raw.contracts.settlement_index_id IS 'contract; null |  | index the final price is taken from';
COMMENT ON COLUMN raw.contracts.settlement_method IS 'text; null |  | how the final price is formed';
COMMENT ON COLUMN raw.contracts.funding_interval_s IS 'integer; null | s | funding interval of a perpetual';
COMMENT ON COLUMN raw.contracts.funding_cap IS 'decimal(18,12); null | fraction per interval | largest absolute funding rate';
COMMENT ON COLUMN raw.contracts.isin IS 'text; null |  | ISO 6166';
COMMENT ON COLUMN raw.contracts.upi IS 'text; null |  | ISO 4914';
COMMENT ON COLUMN raw.contracts.cfi IS 'text; null |  | ISO 10962';
COMMENT ON COLUMN raw.contracts.mic IS 'text; null |  | ISO 10383';
COMMENT ON COLUMN raw.contracts.status IS 'enum(ACTIVE,SUSPENDED,EXPIRED_UNSETTLED,SETTLED) |  | life-cycle state';
COMMENT ON COLUMN raw.contracts.margin_class IS 'text; null |  | policy class';
COMMENT ON COLUMN raw.contracts.liquidation_group IS 'text; null |  | liquidation group';
COMMENT ON COLUMN raw.contracts.offset_set IS 'text; null |  | offset set';
