-- Collateral of an account by asset, valued and cut.
CREATE TABLE IF NOT EXISTS result.collateral (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    quantity DECIMAL(38, 18) NOT NULL,
    price_usd DECIMAL(28, 10) NOT NULL,
    haircut_fraction DECIMAL(9, 6) NOT NULL,
    market_value_usd DECIMAL(20, 2) NOT NULL,
    post_haircut_value_usd DECIMAL(20, 2) NOT NULL,
    rule_id VARCHAR NOT NULL,
    counted_value_usd DECIMAL(20, 2) NOT NULL,
    tier_cut_usd DECIMAL(20, 2) NOT NULL,
    own_margin_usd DECIMAL(20, 2)
);
COMMENT ON COLUMN result.collateral.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.collateral.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.collateral.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.collateral.asset IS 'asset';
COMMENT ON COLUMN result.collateral.quantity IS 'native units after today''s postings';
COMMENT ON COLUMN result.collateral.price_usd IS 'USD per unit';
COMMENT ON COLUMN result.collateral.haircut_fraction IS 'fraction taken off (added to a negative balance)';
COMMENT ON COLUMN result.collateral.market_value_usd IS 'USD before haircut, towards minus infinity';
COMMENT ON COLUMN result.collateral.post_haircut_value_usd IS 'USD after haircut and tiers, towards minus infinity';
COMMENT ON COLUMN result.collateral.rule_id IS 'policy path of the haircut';
COMMENT ON COLUMN result.collateral.counted_value_usd IS 'USD, what of the value after haircut counts as cover once the concentration caps have acted';
COMMENT ON COLUMN result.collateral.tier_cut_usd IS 'USD taken off besides the haircut for the amount held, >= 0';
COMMENT ON COLUMN result.collateral.own_margin_usd IS 'USD, >= 0: coin margined together with the positions, what it may add to their margin at most and therefore may cover beyond the caps; empty: the asset keeps its market haircut';
