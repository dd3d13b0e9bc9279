-- What the gate found: one line per check and offending row.
CREATE TABLE IF NOT EXISTS control.finding (
    run_id VARCHAR NOT NULL,
    check_id VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    limit_value VARCHAR NOT NULL,
    meaning VARCHAR NOT NULL,
    action VARCHAR NOT NULL
);
COMMENT ON COLUMN control.finding.run_id IS 'run';
COMMENT ON COLUMN control.finding.check_id IS 'check';
COMMENT ON COLUMN control.finding.code IS 'the check''s name in capitals';
COMMENT ON COLUMN control.finding.severity IS 'critical, warning or info';
COMMENT ON COLUMN control.finding.scope IS 'book, member or row';
COMMENT ON COLUMN control.finding.dataset IS 'dataset, empty where none';
COMMENT ON COLUMN control.finding.file_id IS 'file, empty where none';
COMMENT ON COLUMN control.finding.source_line IS 'line, 0 where none';
COMMENT ON COLUMN control.finding.clearing_member_id IS 'member, empty where none';
COMMENT ON COLUMN control.finding.margin_account_id IS 'account, empty where none';
COMMENT ON COLUMN control.finding.contract_id IS 'contract, empty where none';
COMMENT ON COLUMN control.finding.value IS 'the offending value';
COMMENT ON COLUMN control.finding.limit_value IS 'the limit it broke';
COMMENT ON COLUMN control.finding.meaning IS 'what the check asks for';
COMMENT ON COLUMN control.finding.action IS 'what to do next';
