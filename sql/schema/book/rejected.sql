-- Delivered rows that were not used, each with the check that took it out: raw rows in force = book rows + these.
CREATE TABLE IF NOT EXISTS book.rejected (
    run_id VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    code VARCHAR NOT NULL,
    clearing_member_id VARCHAR,
    margin_account_id VARCHAR,
    contract_id VARCHAR,
    value VARCHAR,
    limit_value VARCHAR
);
COMMENT ON COLUMN book.rejected.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.rejected.dataset IS 'dataset';
COMMENT ON COLUMN book.rejected.file_id IS 'delivered file';
COMMENT ON COLUMN book.rejected.source_line IS 'line of the file, first = 1';
COMMENT ON COLUMN book.rejected.code IS 'rejection code, the check''s name in capitals';
COMMENT ON COLUMN book.rejected.clearing_member_id IS 'member whose delivery it was, where the row names one';
COMMENT ON COLUMN book.rejected.margin_account_id IS 'account, where the row names one';
COMMENT ON COLUMN book.rejected.contract_id IS 'contract, where the row names one';
COMMENT ON COLUMN book.rejected.value IS 'the offending value';
COMMENT ON COLUMN book.rejected.limit_value IS 'the limit it broke';
