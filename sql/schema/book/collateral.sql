-- Collateral movements of the run, one line per account and asset.
CREATE TABLE IF NOT EXISTS book.collateral (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    form VARCHAR NOT NULL,
    qty_open DECIMAL(38, 18) NOT NULL,
    deposits DECIMAL(38, 18) NOT NULL,
    withdrawals DECIMAL(38, 18) NOT NULL,
    pending_in DECIMAL(38, 18) NOT NULL,
    pending_out DECIMAL(38, 18) NOT NULL,
    interest DECIMAL(38, 18) NOT NULL,
    adjustment DECIMAL(38, 18) NOT NULL,
    qty_disputed DECIMAL(38, 18) NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.collateral.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.collateral.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN book.collateral.margin_account_id IS 'margin account';
COMMENT ON COLUMN book.collateral.asset IS 'asset';
COMMENT ON COLUMN book.collateral.form IS 'CASH, STABLECOIN, COIN, TOKENISED_MMF or GUARANTEE';
COMMENT ON COLUMN book.collateral.qty_open IS 'native units; the predecessor''s close, or the delivered figure in a genesis cycle';
COMMENT ON COLUMN book.collateral.deposits IS 'native units, >= 0';
COMMENT ON COLUMN book.collateral.withdrawals IS 'native units, >= 0';
COMMENT ON COLUMN book.collateral.pending_in IS 'native units, never counted';
COMMENT ON COLUMN book.collateral.pending_out IS 'native units, never counted';
COMMENT ON COLUMN book.collateral.interest IS 'native units, > 0 = credited';
COMMENT ON COLUMN book.collateral.adjustment IS 'native units, > 0 = credited';
COMMENT ON COLUMN book.collateral.qty_disputed IS 'native units, >= 0: what a held account''s delivery says less than our balance; counts as no cover';
COMMENT ON COLUMN book.collateral.file_id IS 'delivered file';
COMMENT ON COLUMN book.collateral.source_line IS 'line of the file, first = 1';
