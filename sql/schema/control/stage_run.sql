-- Receipts: a stage that stands here is done and does not run again.
CREATE TABLE IF NOT EXISTS control.stage_run (
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    rows VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    started_ts TIMESTAMP NOT NULL,
    finished_ts TIMESTAMP NOT NULL,
    peak_memory_mb DOUBLE NOT NULL,
    UNIQUE (run_id, stage)
);
COMMENT ON COLUMN control.stage_run.run_id IS 'run';
COMMENT ON COLUMN control.stage_run.stage IS 'stage';
COMMENT ON COLUMN control.stage_run.state IS 'DONE, BLOCKED or WAITING(APPROVAL)';
COMMENT ON COLUMN control.stage_run.rows IS 'JSON, rows written by table';
COMMENT ON COLUMN control.stage_run.attempt IS 'never printed';
COMMENT ON COLUMN control.stage_run.started_ts IS 'UTC wall clock, never published';
COMMENT ON COLUMN control.stage_run.finished_ts IS 'UTC wall clock, never published';
COMMENT ON COLUMN control.stage_run.peak_memory_mb IS 'MB, never published';
