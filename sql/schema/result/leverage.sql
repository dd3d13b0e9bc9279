-- Leverage of each account: delta notional over equity.
CREATE TABLE IF NOT EXISTS result.leverage (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    gross_delta_notional_usd DOUBLE NOT NULL,
    net_delta_notional_usd DOUBLE NOT NULL,
    equity_usd DECIMAL(20, 2) NOT NULL,
    effective_leverage DOUBLE,
    outright_leverage DOUBLE
);
COMMENT ON COLUMN result.leverage.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.leverage.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.leverage.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.leverage.gross_delta_notional_usd IS 'USD, sum over positions of |quantity x multiplier x delta| x index, >= 0';
COMMENT ON COLUMN result.leverage.net_delta_notional_usd IS 'USD, sum over portfolios and underlyings of the absolute net, >= 0';
COMMENT ON COLUMN result.leverage.equity_usd IS 'USD, signed: collateral at market value and net option value';
COMMENT ON COLUMN result.leverage.effective_leverage IS 'gross delta notional / equity; empty where equity is not above zero';
COMMENT ON COLUMN result.leverage.outright_leverage IS 'net delta notional / equity; empty where equity is not above zero';
