-- Which form of the tables this database was made in: one line.
CREATE TABLE IF NOT EXISTS control.schema_version (
    version VARCHAR NOT NULL
);
COMMENT ON COLUMN control.schema_version.version IS 'first 16 hex of sha256 over the tables'' definitions; another one is reached by `levee rebuild`';
