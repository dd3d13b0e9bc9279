-- Contracts of the run.
CREATE TABLE IF NOT EXISTS book.contract (
    run_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    payoff VARCHAR NOT NULL,
    underlying_asset VARCHAR NOT NULL,
    quote_ccy VARCHAR NOT NULL,
    settle_asset VARCHAR NOT NULL,
    multiplier DECIMAL(28, 12) NOT NULL,
    strike DECIMAL(28, 10),
    option_type VARCHAR,
    expiry_ts TIMESTAMP,
    final_settle_ts TIMESTAMP,
    settlement_index_id VARCHAR,
    funding_interval_s INTEGER,
    funding_cap DECIMAL(18, 12),
    status VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.contract.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.contract.contract_id IS 'contract';
COMMENT ON COLUMN book.contract.kind IS 'FUT, PERP or OPT';
COMMENT ON COLUMN book.contract.payoff IS 'LINEAR or INVERSE';
COMMENT ON COLUMN book.contract.underlying_asset IS 'asset the payoff refers to: the product group';
COMMENT ON COLUMN book.contract.quote_ccy IS 'currency of the quoted price';
COMMENT ON COLUMN book.contract.settle_asset IS 'asset of variation margin, premium and settlement';
COMMENT ON COLUMN book.contract.multiplier IS 'linear and options: underlying units per contract; inverse futures: USD per contract';
COMMENT ON COLUMN book.contract.strike IS 'quote, options only';
COMMENT ON COLUMN book.contract.option_type IS 'C or P, options only';
COMMENT ON COLUMN book.contract.expiry_ts IS 'UTC, empty for a perpetual';
COMMENT ON COLUMN book.contract.final_settle_ts IS 'UTC';
COMMENT ON COLUMN book.contract.settlement_index_id IS 'index of the final price';
COMMENT ON COLUMN book.contract.funding_interval_s IS 's, perpetuals only';
COMMENT ON COLUMN book.contract.funding_cap IS 'fraction per interval';
COMMENT ON COLUMN book.contract.status IS 'ACTIVE, SUSPENDED, EXPIRED_UNSETTLED or SETTLED';
COMMENT ON COLUMN book.contract.file_id IS 'delivered file';
COMMENT ON COLUMN book.contract.source_line IS 'line of the file, first = 1';
