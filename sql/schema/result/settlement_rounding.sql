-- Residue of the book by asset and movement: what rounding to minor units left over, booked to the house.
CREATE TABLE IF NOT EXISTS result.settlement_rounding (
    run_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    movement_type VARCHAR NOT NULL,
    unrounded_total DECIMAL(38, 18) NOT NULL,
    rounded_total DECIMAL(38, 8) NOT NULL,
    accounts INTEGER NOT NULL
);
COMMENT ON COLUMN result.settlement_rounding.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.settlement_rounding.asset IS 'asset';
COMMENT ON COLUMN result.settlement_rounding.contract_id IS 'contract';
COMMENT ON COLUMN result.settlement_rounding.movement_type IS 'VM, FUNDING, PREMIUM or SETTLEMENT';
COMMENT ON COLUMN result.settlement_rounding.unrounded_total IS 'native, sum of the exact figures over all accounts: zero but for the last of 18 digits';
COMMENT ON COLUMN result.settlement_rounding.rounded_total IS 'native, sum of the rounded figures';
COMMENT ON COLUMN result.settlement_rounding.accounts IS 'figures summed; the residue is at most half a unit each';
