-- Every check of a run, failed or not.
CREATE TABLE IF NOT EXISTS control.check_result (
    run_id VARCHAR NOT NULL,
    check_id VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    meaning VARCHAR NOT NULL,
    examined BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    sample_keys VARCHAR NOT NULL,
    passed BOOLEAN NOT NULL
);
COMMENT ON COLUMN control.check_result.run_id IS 'run';
COMMENT ON COLUMN control.check_result.check_id IS 'check';
COMMENT ON COLUMN control.check_result.severity IS 'critical, warning or info';
COMMENT ON COLUMN control.check_result.scope IS 'book, member or row';
COMMENT ON COLUMN control.check_result.kind IS 'COLUMN (Great Expectations) or ROWS (sql/checks)';
COMMENT ON COLUMN control.check_result.dataset IS 'dataset, empty for a check between datasets';
COMMENT ON COLUMN control.check_result.meaning IS 'what it asks for';
COMMENT ON COLUMN control.check_result.examined IS 'rows examined';
COMMENT ON COLUMN control.check_result.failed IS 'rows that break it';
COMMENT ON COLUMN control.check_result.sample_keys IS 'JSON, sorted addresses of the first offending rows';
COMMENT ON COLUMN control.check_result.passed IS 'true where none breaks it';
