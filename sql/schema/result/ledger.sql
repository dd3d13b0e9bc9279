-- Double-entry ledger by asset: per asset and movement type the amounts over accounts and the house sum to zero.
CREATE TABLE IF NOT EXISTS result.ledger (
    run_id VARCHAR NOT NULL,
    entry_no INTEGER NOT NULL,
    asset VARCHAR NOT NULL,
    movement_type VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    amount DECIMAL(38, 18) NOT NULL
);
COMMENT ON COLUMN result.ledger.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.ledger.entry_no IS 'running number in key order';
COMMENT ON COLUMN result.ledger.asset IS 'asset';
COMMENT ON COLUMN result.ledger.movement_type IS 'OPEN, DEPOSIT, WITHDRAWAL, VM, PREMIUM, FUNDING, FEE_TRADE, INTEREST, SETTLEMENT, CORRECTION or ROUNDING';
COMMENT ON COLUMN result.ledger.clearing_member_id IS 'clearing member, CCP for the house';
COMMENT ON COLUMN result.ledger.margin_account_id IS 'account; of the house: CCP, and ROUNDING for what rounding to minor units left over';
COMMENT ON COLUMN result.ledger.contract_id IS 'contract the movement came from, empty otherwise';
COMMENT ON COLUMN result.ledger.amount IS 'native units, > 0 = credited to the account';
