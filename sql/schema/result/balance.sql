-- Balance of every account and asset: opening + movements = closing.
CREATE TABLE IF NOT EXISTS result.balance (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    form VARCHAR NOT NULL,
    opening DECIMAL(38, 18) NOT NULL,
    movements DECIMAL(38, 18) NOT NULL,
    closing DECIMAL(38, 18) NOT NULL,
    pending_in DECIMAL(38, 18) NOT NULL,
    pending_out DECIMAL(38, 18) NOT NULL
);
COMMENT ON COLUMN result.balance.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.balance.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.balance.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.balance.asset IS 'asset';
COMMENT ON COLUMN result.balance.form IS 'form of the asset';
COMMENT ON COLUMN result.balance.opening IS 'native units';
COMMENT ON COLUMN result.balance.movements IS 'native units, sum of all ledger movements but OPEN';
COMMENT ON COLUMN result.balance.closing IS 'native units, may be negative';
COMMENT ON COLUMN result.balance.pending_in IS 'native units, never counted';
COMMENT ON COLUMN result.balance.pending_out IS 'native units, never counted';
