-- What would be asked of an account in joint mode if its coin collateral were haircut: the mode that does not bind.
CREATE TABLE IF NOT EXISTS result.haircut_mode (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    initial_margin_usd DECIMAL(20, 2) NOT NULL,
    net_option_value_usd DECIMAL(20, 2) NOT NULL,
    total_initial_margin_usd DECIMAL(20, 2) NOT NULL,
    maintenance_margin_usd DECIMAL(20, 2) NOT NULL,
    total_maintenance_margin_usd DECIMAL(20, 2) NOT NULL,
    initial_margin_without_override_usd DECIMAL(20, 2) NOT NULL,
    maintenance_binding_component VARCHAR NOT NULL
);
COMMENT ON COLUMN result.haircut_mode.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.haircut_mode.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.haircut_mode.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.haircut_mode.client_id IS 'client of a gross account; empty: the account itself, or the account-wide minimum of a gross account';
COMMENT ON COLUMN result.haircut_mode.initial_margin_usd IS 'USD, sum of the portfolio''s requirement lines';
COMMENT ON COLUMN result.haircut_mode.net_option_value_usd IS 'USD, signed, long > 0, towards minus infinity';
COMMENT ON COLUMN result.haircut_mode.total_initial_margin_usd IS 'USD, max(0, initial margin - net option value)';
COMMENT ON COLUMN result.haircut_mode.maintenance_margin_usd IS 'USD, the larger of a policy fraction of initial margin, rounded up, and the brackets'' maintenance margin';
COMMENT ON COLUMN result.haircut_mode.total_maintenance_margin_usd IS 'USD, max(0, maintenance margin - net option value)';
COMMENT ON COLUMN result.haircut_mode.initial_margin_without_override_usd IS 'USD, initial margin less the OVERRIDE line';
COMMENT ON COLUMN result.haircut_mode.maintenance_binding_component IS 'INITIAL_MARGIN_SHARE, BRACKET or NONE: what sets maintenance margin';
