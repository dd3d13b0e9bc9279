-- Positions of the run, typed, one line per account, client and contract.
CREATE TABLE IF NOT EXISTS book.position (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    account_type VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    qty_open DECIMAL(28, 8) NOT NULL,
    qty_buy DECIMAL(28, 8) NOT NULL,
    qty_sell DECIMAL(28, 8) NOT NULL,
    qty_transfer DECIMAL(28, 8) NOT NULL,
    qty_exercise_assign DECIMAL(28, 8) NOT NULL,
    qty_expired DECIMAL(28, 8) NOT NULL,
    qty_close DECIMAL(28, 8) NOT NULL,
    buy_value DECIMAL(38, 12) NOT NULL,
    sell_value DECIMAL(38, 12) NOT NULL,
    premium_paid DECIMAL(38, 12) NOT NULL,
    fees DECIMAL(38, 12) NOT NULL,
    position_as_of_ts TIMESTAMP NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.position.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.position.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN book.position.margin_account_id IS 'margin account';
COMMENT ON COLUMN book.position.account_type IS 'HOUSE, CLIENT_OMNI_NET or CLIENT_GROSS';
COMMENT ON COLUMN book.position.client_id IS 'client of a gross account, empty otherwise';
COMMENT ON COLUMN book.position.contract_id IS 'contract';
COMMENT ON COLUMN book.position.qty_open IS 'contracts, long > 0; the predecessor''s close, or the delivered figure in a genesis cycle';
COMMENT ON COLUMN book.position.qty_buy IS 'contracts, >= 0';
COMMENT ON COLUMN book.position.qty_sell IS 'contracts, >= 0';
COMMENT ON COLUMN book.position.qty_transfer IS 'contracts, in > 0';
COMMENT ON COLUMN book.position.qty_exercise_assign IS 'contracts, signed';
COMMENT ON COLUMN book.position.qty_expired IS 'contracts, signed';
COMMENT ON COLUMN book.position.qty_close IS 'contracts, long > 0: the net_quantity margined';
COMMENT ON COLUMN book.position.buy_value IS 'linear: quote, inverse: coin; sum over trades, >= 0';
COMMENT ON COLUMN book.position.sell_value IS 'as buy_value';
COMMENT ON COLUMN book.position.premium_paid IS 'settlement asset, > 0 = the account pays';
COMMENT ON COLUMN book.position.fees IS 'settlement asset, > 0 = the account pays';
COMMENT ON COLUMN book.position.position_as_of_ts IS 'UTC';
COMMENT ON COLUMN book.position.file_id IS 'delivered file';
COMMENT ON COLUMN book.position.source_line IS 'line of the file, first = 1';
