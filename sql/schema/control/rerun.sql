-- Reruns that somebody asked for, and why. Rows are only ever added.
CREATE TABLE IF NOT EXISTS control.rerun (
    run_id VARCHAR NOT NULL,
    requested_by VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    requested_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.rerun.run_id IS 'run that is to be gone on with, or computed anew where it is published';
COMMENT ON COLUMN control.rerun.requested_by IS 'who asked';
COMMENT ON COLUMN control.rerun.reason IS 'why';
COMMENT ON COLUMN control.rerun.code_version IS 'code it was to be run with: the request says nothing about later code';
COMMENT ON COLUMN control.rerun.requested_ts IS 'UTC wall clock, never published';
