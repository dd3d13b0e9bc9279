-- Accounts that are held: margined never below their last requirement, because some of their data cannot be right.
CREATE TABLE IF NOT EXISTS book.held (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    codes VARCHAR NOT NULL,
    lines BIGINT NOT NULL
);
COMMENT ON COLUMN book.held.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.held.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN book.held.margin_account_id IS 'registered margin account';
COMMENT ON COLUMN book.held.codes IS 'why, in order, separated by blanks';
COMMENT ON COLUMN book.held.lines IS 'broken lines behind it';
