-- Files a run was frozen on.
CREATE TABLE IF NOT EXISTS control.input_manifest (
    run_id VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    sender VARCHAR NOT NULL,
    seq INTEGER NOT NULL,
    sha256 VARCHAR NOT NULL,
    records BIGINT NOT NULL
);
COMMENT ON COLUMN control.input_manifest.run_id IS 'run';
COMMENT ON COLUMN control.input_manifest.file_id IS 'file';
COMMENT ON COLUMN control.input_manifest.dataset IS 'dataset';
COMMENT ON COLUMN control.input_manifest.sender IS 'sender';
COMMENT ON COLUMN control.input_manifest.seq IS 'version';
COMMENT ON COLUMN control.input_manifest.sha256 IS 'of the delivered bytes';
COMMENT ON COLUMN control.input_manifest.records IS 'records';
