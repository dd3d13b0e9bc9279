-- Margin accounts of the run.
CREATE TABLE IF NOT EXISTS book.account (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    account_type VARCHAR NOT NULL,
    base_ccy VARCHAR NOT NULL,
    collateral_mode VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.account.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.account.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN book.account.margin_account_id IS 'margin account';
COMMENT ON COLUMN book.account.account_type IS 'HOUSE, CLIENT_OMNI_NET or CLIENT_GROSS';
COMMENT ON COLUMN book.account.base_ccy IS 'asset calls are due in';
COMMENT ON COLUMN book.account.collateral_mode IS 'haircut or joint';
COMMENT ON COLUMN book.account.status IS 'ACTIVE, SUSPENDED or CLOSED';
COMMENT ON COLUMN book.account.file_id IS 'delivered file';
COMMENT ON COLUMN book.account.source_line IS 'line of the file, first = 1';
