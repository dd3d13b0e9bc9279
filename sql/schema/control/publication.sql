-- Files of a release.
CREATE TABLE IF NOT EXISTS control.publication (
    cycle_id VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    path VARCHAR NOT NULL,
    audience VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    bytes BIGINT NOT NULL
);
COMMENT ON COLUMN control.publication.cycle_id IS 'cycle';
COMMENT ON COLUMN control.publication.version IS 'release';
COMMENT ON COLUMN control.publication.path IS 'relative to v<NN>';
COMMENT ON COLUMN control.publication.audience IS 'members/<ID>, public, ops, risk or regulator';
COMMENT ON COLUMN control.publication.sha256 IS 'of the bytes';
COMMENT ON COLUMN control.publication.bytes IS 'bytes';
