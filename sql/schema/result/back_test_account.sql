-- What every margined account, portfolio, product and liquidity group lost over its liquidation period.
CREATE TABLE IF NOT EXISTS result.back_test_account (
    margin_date DATE NOT NULL,
    rests_on VARCHAR NOT NULL,
    level VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    product VARCHAR NOT NULL,
    horizon_days INTEGER NOT NULL,
    margin_usd DOUBLE,
    clean_loss_usd DOUBLE,
    dirty_loss_usd DOUBLE,
    cover_usd DOUBLE
);
COMMENT ON COLUMN result.back_test_account.margin_date IS 'end of day the margin was asked for';
COMMENT ON COLUMN result.back_test_account.rests_on IS 'published runs of that day and of the days its losses run over, with blanks between them';
COMMENT ON COLUMN result.back_test_account.level IS 'ACCOUNT, PORTFOLIO, PRODUCT or LIQUIDITY_GROUP';
COMMENT ON COLUMN result.back_test_account.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.back_test_account.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.back_test_account.client_id IS 'client of a portfolio of a gross account, empty otherwise';
COMMENT ON COLUMN result.back_test_account.product IS 'underlying of a product, liquidation period of a liquidity group, empty otherwise';
COMMENT ON COLUMN result.back_test_account.horizon_days IS 'days the losses run over, the longest of what is held';
COMMENT ON COLUMN result.back_test_account.margin_usd IS 'USD, initial margin of accounts and portfolios, base margin of what is below';
COMMENT ON COLUMN result.back_test_account.clean_loss_usd IS 'USD, loss > 0 of the book held constant; empty: a mark is missing';
COMMENT ON COLUMN result.back_test_account.dirty_loss_usd IS 'USD, loss > 0 with trades, funding and fees; empty: a mark or day is missing';
COMMENT ON COLUMN result.back_test_account.cover_usd IS 'USD, collateral at the later prices and options held; accounts alone';
