-- Requirement lines: one per margin portfolio and component.
CREATE TABLE IF NOT EXISTS result.requirement (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    component VARCHAR NOT NULL,
    line_no INTEGER NOT NULL,
    amount_usd DECIMAL(20, 2) NOT NULL,
    rule_id VARCHAR NOT NULL,
    policy_hash VARCHAR NOT NULL,
    worst_scenario_id VARCHAR NOT NULL,
    binding_component VARCHAR NOT NULL
);
COMMENT ON COLUMN result.requirement.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.requirement.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.requirement.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.requirement.client_id IS 'client of a gross account, empty otherwise';
COMMENT ON COLUMN result.requirement.component IS 'BASE_MARGIN, CORRELATION_BREAK, LIQUIDITY_CONCENTRATION, WRONG_WAY, MARK_UNCERTAINTY, STABLECOIN_DEPEG, HOLIDAY_GAP, EXPIRY, APC_BUFFER, CREDIT, LEVERAGE_SURCHARGE, FLOOR_TOP_UP, OVERRIDE or HELD';
COMMENT ON COLUMN result.requirement.line_no IS 'order of METHODOLOGY 5';
COMMENT ON COLUMN result.requirement.amount_usd IS 'USD, >= 0, rounded up to a cent';
COMMENT ON COLUMN result.requirement.rule_id IS 'policy path of the line''s parameter';
COMMENT ON COLUMN result.requirement.policy_hash IS 'policy the parameter came from';
COMMENT ON COLUMN result.requirement.worst_scenario_id IS 'scenario that caused the figure, empty where none did';
COMMENT ON COLUMN result.requirement.binding_component IS 'floor or figure that binds, such as EXPECTED_SHORTFALL, GRID, COMONOTONE, JOINT_LOSS, CREDIT_STEP_1, UNRATED, HEDGED_CAP, SHORT_OPTION_MINIMUM, BRACKET, ACCOUNT_MINIMUM or NONE';
