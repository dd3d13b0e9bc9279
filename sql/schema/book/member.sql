-- Clearing members of the run.
CREATE TABLE IF NOT EXISTS book.member (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    legal_name VARCHAR NOT NULL,
    lei VARCHAR,
    status VARCHAR NOT NULL,
    base_ccy VARCHAR NOT NULL,
    timezone VARCHAR,
    permitted_assets VARCHAR,
    mta DECIMAL(28, 2),
    rounding_unit DECIMAL(28, 2),
    parent_id VARCHAR,
    surveillance_level BIGINT,
    credit_score DOUBLE,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL
);
COMMENT ON COLUMN book.member.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.member.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN book.member.legal_name IS 'legal name';
COMMENT ON COLUMN book.member.lei IS 'ISO 17442';
COMMENT ON COLUMN book.member.status IS 'ACTIVE, WATCH, SUSPENDED or DEFAULTED';
COMMENT ON COLUMN book.member.base_ccy IS 'currency of totals';
COMMENT ON COLUMN book.member.timezone IS 'IANA';
COMMENT ON COLUMN book.member.permitted_assets IS 'assets accepted, separated by |';
COMMENT ON COLUMN book.member.mta IS 'USD, minimum transfer amount agreed';
COMMENT ON COLUMN book.member.rounding_unit IS 'USD, call increment agreed';
COMMENT ON COLUMN book.member.parent_id IS 'parent group; what it issues is no collateral of the member';
COMMENT ON COLUMN book.member.surveillance_level IS '0 = normal, each level above one credit step';
COMMENT ON COLUMN book.member.credit_score IS '0 to 100, the higher the better';
COMMENT ON COLUMN book.member.file_id IS 'delivered file';
COMMENT ON COLUMN book.member.source_line IS 'line of the file, first = 1';
