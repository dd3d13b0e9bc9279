-- Coin collateral margined together with the positions: accounts in joint mode, and every coin that may enter.
CREATE TABLE IF NOT EXISTS result.joint_collateral (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    quantity DECIMAL(38, 18) NOT NULL,
    index_price_usd DECIMAL(28, 10) NOT NULL,
    liquidity_haircut_fraction DECIMAL(9, 6) NOT NULL,
    own_margin_fraction DECIMAL(9, 6) NOT NULL
);
COMMENT ON COLUMN result.joint_collateral.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.joint_collateral.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.joint_collateral.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.joint_collateral.asset IS 'coin';
COMMENT ON COLUMN result.joint_collateral.quantity IS 'native units, below zero where it is owed; 0: the coin would enter if it came';
COMMENT ON COLUMN result.joint_collateral.index_price_usd IS 'USD per unit, the index the positions are margined at';
COMMENT ON COLUMN result.joint_collateral.liquidity_haircut_fraction IS 'fraction taken off instead of the market haircut';
COMMENT ON COLUMN result.joint_collateral.own_margin_fraction IS 'fraction of its value that the coin can add to the requirement at most';
