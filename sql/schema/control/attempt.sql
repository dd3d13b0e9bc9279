-- Every attempt at a stage, one line per event, never changed: what began and how it ended.
CREATE TABLE IF NOT EXISTS control.attempt (
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    event VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    token BIGINT NOT NULL,
    at_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.attempt.run_id IS 'run';
COMMENT ON COLUMN control.attempt.stage IS 'stage';
COMMENT ON COLUMN control.attempt.attempt IS '1, 2, … of this stage of this run; never published';
COMMENT ON COLUMN control.attempt.event IS 'STARTED, then DONE, BLOCKED, FAILED, or ABANDONED by whoever came next where it never said how it ended';
COMMENT ON COLUMN control.attempt.code IS 'finding it failed with, empty otherwise';
COMMENT ON COLUMN control.attempt.token IS 'fencing token of whoever wrote this line, 0 for a tool without a hold';
COMMENT ON COLUMN control.attempt.at_ts IS 'UTC wall clock, never published';
