-- Position lines that could not be given to an account or a contract: the house carries them on its SUSPENSE line, so
-- that every contract still nets to zero, and the account that answers for a line is margined for it alone.
CREATE TABLE IF NOT EXISTS book.suspense (
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
    source_line INTEGER NOT NULL,
    charged_account_id VARCHAR NOT NULL
);
COMMENT ON COLUMN book.suspense.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.suspense.clearing_member_id IS 'member as delivered';
COMMENT ON COLUMN book.suspense.margin_account_id IS 'account as delivered';
COMMENT ON COLUMN book.suspense.account_type IS 'HOUSE, CLIENT_OMNI_NET or CLIENT_GROSS';
COMMENT ON COLUMN book.suspense.client_id IS 'client of a gross account, empty otherwise';
COMMENT ON COLUMN book.suspense.contract_id IS 'contract as delivered';
COMMENT ON COLUMN book.suspense.qty_open IS 'contracts, long > 0; the predecessor''s close, or the delivered figure in a genesis cycle';
COMMENT ON COLUMN book.suspense.qty_buy IS 'contracts, >= 0';
COMMENT ON COLUMN book.suspense.qty_sell IS 'contracts, >= 0';
COMMENT ON COLUMN book.suspense.qty_transfer IS 'contracts, in > 0';
COMMENT ON COLUMN book.suspense.qty_exercise_assign IS 'contracts, signed';
COMMENT ON COLUMN book.suspense.qty_expired IS 'contracts, signed';
COMMENT ON COLUMN book.suspense.qty_close IS 'contracts, long > 0: the net_quantity margined';
COMMENT ON COLUMN book.suspense.buy_value IS 'linear: quote, inverse: coin; sum over trades, >= 0';
COMMENT ON COLUMN book.suspense.sell_value IS 'as buy_value';
COMMENT ON COLUMN book.suspense.premium_paid IS 'settlement asset, > 0 = the account pays';
COMMENT ON COLUMN book.suspense.fees IS 'settlement asset, > 0 = the account pays';
COMMENT ON COLUMN book.suspense.position_as_of_ts IS 'UTC';
COMMENT ON COLUMN book.suspense.file_id IS 'delivered file';
COMMENT ON COLUMN book.suspense.source_line IS 'line of the file, first = 1';
COMMENT ON COLUMN book.suspense.charged_account_id IS 'account of the member that is margined for the line; empty where it has none';
