-- Broken lines that hold an account: the addresses of critical findings about a member.
CREATE TABLE IF NOT EXISTS book.held_line (
    run_id VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL
);
COMMENT ON COLUMN book.held_line.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.held_line.code IS 'what is broken';
COMMENT ON COLUMN book.held_line.dataset IS 'dataset';
COMMENT ON COLUMN book.held_line.file_id IS 'delivered file, empty where a line is missing';
COMMENT ON COLUMN book.held_line.source_line IS 'line of the file, first = 1; 0 where a line is missing';
COMMENT ON COLUMN book.held_line.clearing_member_id IS 'member as delivered';
COMMENT ON COLUMN book.held_line.margin_account_id IS 'account as delivered';
COMMENT ON COLUMN book.held_line.contract_id IS 'contract or asset as delivered';
