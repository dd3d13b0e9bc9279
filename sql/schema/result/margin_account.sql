-- One line per account: requirement, collateral, excess or deficit, call.
CREATE TABLE IF NOT EXISTS result.margin_account (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    initial_margin_usd DECIMAL(20, 2) NOT NULL,
    net_option_value_usd DECIMAL(20, 2) NOT NULL,
    total_initial_margin_usd DECIMAL(20, 2) NOT NULL,
    maintenance_margin_usd DECIMAL(20, 2) NOT NULL,
    total_maintenance_margin_usd DECIMAL(20, 2) NOT NULL,
    collateral_market_value_usd DECIMAL(20, 2) NOT NULL,
    collateral_post_haircut_value_usd DECIMAL(20, 2) NOT NULL,
    outstanding_calls_usd DECIMAL(20, 2) NOT NULL,
    excess_amount_usd DECIMAL(20, 2) NOT NULL,
    deficit_amount_usd DECIMAL(20, 2) NOT NULL,
    minimum_transfer_amount_usd DECIMAL(20, 2) NOT NULL,
    call_increment_usd DECIMAL(20, 2) NOT NULL,
    margin_call_amount_usd DECIMAL(20, 2) NOT NULL,
    status VARCHAR NOT NULL,
    quality_flags VARCHAR NOT NULL,
    collateral_counted_value_usd DECIMAL(20, 2) NOT NULL,
    collateral_mode VARCHAR NOT NULL,
    other_mode_total_initial_margin_usd DECIMAL(20, 2),
    other_mode_collateral_counted_value_usd DECIMAL(20, 2),
    other_mode_margin_call_amount_usd DECIMAL(20, 2)
);
COMMENT ON COLUMN result.margin_account.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.margin_account.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.margin_account.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.margin_account.initial_margin_usd IS 'USD, sum of the requirement lines';
COMMENT ON COLUMN result.margin_account.net_option_value_usd IS 'USD, signed, long > 0, towards minus infinity';
COMMENT ON COLUMN result.margin_account.total_initial_margin_usd IS 'USD, sum over portfolios of max(0, initial margin - net option value)';
COMMENT ON COLUMN result.margin_account.maintenance_margin_usd IS 'USD, policy fraction of initial margin';
COMMENT ON COLUMN result.margin_account.total_maintenance_margin_usd IS 'USD, sum over portfolios of max(0, maintenance margin - net option value)';
COMMENT ON COLUMN result.margin_account.collateral_market_value_usd IS 'USD';
COMMENT ON COLUMN result.margin_account.collateral_post_haircut_value_usd IS 'USD';
COMMENT ON COLUMN result.margin_account.outstanding_calls_usd IS 'USD, issued, unpaid, not withdrawn, at face';
COMMENT ON COLUMN result.margin_account.excess_amount_usd IS 'USD, >= 0: where nothing is missing, collateral after haircut less the requirement, caps left aside';
COMMENT ON COLUMN result.margin_account.deficit_amount_usd IS 'USD, >= 0; at most one of the two is not zero';
COMMENT ON COLUMN result.margin_account.minimum_transfer_amount_usd IS 'USD, in force for the account';
COMMENT ON COLUMN result.margin_account.call_increment_usd IS 'USD, in force for the account';
COMMENT ON COLUMN result.margin_account.margin_call_amount_usd IS 'USD, 0 or at least the minimum transfer amount';
COMMENT ON COLUMN result.margin_account.status IS 'FINAL or HELD';
COMMENT ON COLUMN result.margin_account.quality_flags IS 'declared fallbacks behind the figures with their counts, separated by spaces';
COMMENT ON COLUMN result.margin_account.collateral_counted_value_usd IS 'USD, collateral after haircut that counts as cover within the concentration caps';
COMMENT ON COLUMN result.margin_account.collateral_mode IS 'mode that binds: haircut, or joint where coin collateral is margined with the positions';
COMMENT ON COLUMN result.margin_account.other_mode_total_initial_margin_usd IS 'USD, what would be required in haircut mode of an account in joint mode; empty in haircut mode';
COMMENT ON COLUMN result.margin_account.other_mode_collateral_counted_value_usd IS 'USD, what its collateral would count for then';
COMMENT ON COLUMN result.margin_account.other_mode_margin_call_amount_usd IS 'USD, what it would be called for then';
