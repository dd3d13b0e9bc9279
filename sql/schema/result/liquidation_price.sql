-- Prices at which each account is closed out, one underlying moving alone.
CREATE TABLE IF NOT EXISTS result.liquidation_price (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    spot_usd DOUBLE NOT NULL,
    below_usd DOUBLE,
    above_usd DOUBLE
);
COMMENT ON COLUMN result.liquidation_price.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.liquidation_price.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.liquidation_price.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.liquidation_price.underlying IS 'product group';
COMMENT ON COLUMN result.liquidation_price.spot_usd IS 'USD, index now';
COMMENT ON COLUMN result.liquidation_price.below_usd IS 'USD, nearest index below the present one at which collateral after haircut no longer covers total maintenance margin; empty where there is none, the present one where it does not now';
COMMENT ON COLUMN result.liquidation_price.above_usd IS 'USD, nearest such index above the present one';
