-- Value and sensitivities of each position, for the statement.
CREATE TABLE IF NOT EXISTS result.position_risk (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    option_value_usd DECIMAL(20, 2) NOT NULL,
    delta DOUBLE NOT NULL,
    gamma DOUBLE NOT NULL,
    vega_usd DOUBLE NOT NULL,
    smile VARCHAR,
    fixing VARCHAR
);
COMMENT ON COLUMN result.position_risk.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.position_risk.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.position_risk.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.position_risk.client_id IS 'client of a gross account, empty otherwise';
COMMENT ON COLUMN result.position_risk.contract_id IS 'contract';
COMMENT ON COLUMN result.position_risk.option_value_usd IS 'USD, signed, premium-style options only; towards minus infinity';
COMMENT ON COLUMN result.position_risk.delta IS 'underlying units';
COMMENT ON COLUMN result.position_risk.gamma IS 'underlying units per USD';
COMMENT ON COLUMN result.position_risk.vega_usd IS 'USD per vol point (0.01)';
COMMENT ON COLUMN result.position_risk.smile IS 'live options only: SURFACE where scenarios read volatility off a certified slice, FLAT otherwise';
COMMENT ON COLUMN result.position_risk.fixing IS 'PROXY while a settlement average runs whose fixed part is a declared price; empty outside of one';
