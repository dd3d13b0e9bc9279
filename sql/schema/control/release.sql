-- Releases of a cycle: PREPARED is final, PUBLISHED is out.
CREATE TABLE IF NOT EXISTS control.release (
    cycle_id VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    issue_no INTEGER NOT NULL,
    run_id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    root_hash VARCHAR NOT NULL,
    chain_hash VARCHAR NOT NULL,
    files INTEGER NOT NULL,
    prepared_ts TIMESTAMP NOT NULL,
    published_ts TIMESTAMP,
    UNIQUE (cycle_id, version)
);
COMMENT ON COLUMN control.release.cycle_id IS '<YYYYMMDD>-<CYCLE>';
COMMENT ON COLUMN control.release.version IS '1, 2, … without gaps';
COMMENT ON COLUMN control.release.issue_no IS 'counts all releases of the home in issue order: the order of the hash chain';
COMMENT ON COLUMN control.release.run_id IS 'run';
COMMENT ON COLUMN control.release.state IS 'PREPARED or PUBLISHED';
COMMENT ON COLUMN control.release.root_hash IS 'sha256 over the files';
COMMENT ON COLUMN control.release.chain_hash IS 'sha256 of the previous chain hash and this root';
COMMENT ON COLUMN control.release.files IS 'files';
COMMENT ON COLUMN control.release.prepared_ts IS 'UTC wall clock';
COMMENT ON COLUMN control.release.published_ts IS 'UTC wall clock';
