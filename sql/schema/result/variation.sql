-- What each position settles today, one line per account, client and contract.
CREATE TABLE IF NOT EXISTS result.variation (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    settle_asset VARCHAR NOT NULL,
    variation_margin DECIMAL(38, 8) NOT NULL,
    funding DECIMAL(38, 8) NOT NULL,
    premium DECIMAL(38, 8) NOT NULL,
    fees DECIMAL(38, 8) NOT NULL,
    settlement DECIMAL(38, 8) NOT NULL,
    funding_quality VARCHAR NOT NULL
);
COMMENT ON COLUMN result.variation.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.variation.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.variation.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.variation.client_id IS 'client of a gross account, empty otherwise';
COMMENT ON COLUMN result.variation.contract_id IS 'contract';
COMMENT ON COLUMN result.variation.settle_asset IS 'asset of the amounts';
COMMENT ON COLUMN result.variation.variation_margin IS 'settlement asset, > 0 = the account receives';
COMMENT ON COLUMN result.variation.funding IS 'settlement asset, > 0 = the account receives';
COMMENT ON COLUMN result.variation.premium IS 'settlement asset, > 0 = the account receives';
COMMENT ON COLUMN result.variation.fees IS 'settlement asset, > 0 = the account receives (never)';
COMMENT ON COLUMN result.variation.settlement IS 'settlement asset, option payoff at expiry, > 0 = the account receives';
COMMENT ON COLUMN result.variation.funding_quality IS 'OK, PROXY or NONE (no perpetual)';
