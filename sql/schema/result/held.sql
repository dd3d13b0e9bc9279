-- Accounts that are held, and what they must cover because of it.
CREATE TABLE IF NOT EXISTS result.held (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    codes VARCHAR NOT NULL,
    lines BIGINT NOT NULL,
    last_run_id VARCHAR,
    last_requirement_usd DECIMAL(20, 2),
    known_requirement_usd DECIMAL(20, 2) NOT NULL,
    multiple DOUBLE NOT NULL,
    required_usd DECIMAL(20, 2) NOT NULL
);
COMMENT ON COLUMN result.held.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.held.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.held.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.held.codes IS 'why, in order, separated by blanks';
COMMENT ON COLUMN result.held.lines IS 'broken lines behind it';
COMMENT ON COLUMN result.held.last_run_id IS 'latest published run in which the account was not held, or one since that asked for more on known rows; empty where there is none';
COMMENT ON COLUMN result.held.last_requirement_usd IS 'USD, what it had to cover then, without the multiple';
COMMENT ON COLUMN result.held.known_requirement_usd IS 'USD, what the known rows ask for';
COMMENT ON COLUMN result.held.multiple IS 'held.multiple of the policy';
COMMENT ON COLUMN result.held.required_usd IS 'USD, the larger of the two times the multiple, rounded up';
