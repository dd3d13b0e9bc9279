-- Risk figures of a margin portfolio per product group, and of the whole (underlying ALL).
CREATE TABLE IF NOT EXISTS result.portfolio_risk (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    filtered_es_usd DOUBLE NOT NULL,
    stressed_es_usd DOUBLE NOT NULL,
    blended_es_usd DOUBLE NOT NULL,
    grid_loss_usd DOUBLE NOT NULL,
    worst_filtered_scenario_id VARCHAR NOT NULL,
    worst_stressed_scenario_id VARCHAR NOT NULL,
    worst_grid_scenario_id VARCHAR NOT NULL
);
COMMENT ON COLUMN result.portfolio_risk.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.portfolio_risk.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.portfolio_risk.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.portfolio_risk.client_id IS 'client of a gross account, empty otherwise';
COMMENT ON COLUMN result.portfolio_risk.underlying IS 'product group, ALL for the portfolio';
COMMENT ON COLUMN result.portfolio_risk.filtered_es_usd IS 'USD, expected shortfall of the filtered set, loss > 0';
COMMENT ON COLUMN result.portfolio_risk.stressed_es_usd IS 'USD, expected shortfall of the stressed set, loss > 0';
COMMENT ON COLUMN result.portfolio_risk.blended_es_usd IS 'USD, B of the methodology';
COMMENT ON COLUMN result.portfolio_risk.grid_loss_usd IS 'USD, worst loss of the hypothetical grid, >= 0';
COMMENT ON COLUMN result.portfolio_risk.worst_filtered_scenario_id IS 'scenario of the largest filtered loss';
COMMENT ON COLUMN result.portfolio_risk.worst_stressed_scenario_id IS 'scenario of the largest stressed loss';
COMMENT ON COLUMN result.portfolio_risk.worst_grid_scenario_id IS 'grid point of the largest loss';
