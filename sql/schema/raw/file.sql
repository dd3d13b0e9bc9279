-- One line per landed file: the archive's index. The bytes of a refused file are archived too, without a line here.
CREATE TABLE IF NOT EXISTS raw.file (
    file_id VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    sender VARCHAR NOT NULL,
    business_date DATE NOT NULL,
    cycle VARCHAR NOT NULL,
    seq INTEGER NOT NULL,
    schema_version INTEGER NOT NULL,
    env VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    created_ts TIMESTAMP NOT NULL,
    as_of_ts TIMESTAMP NOT NULL,
    records BIGINT NOT NULL,
    control_total DECIMAL(38, 18) NOT NULL,
    bytes BIGINT NOT NULL,
    known_from_ts TIMESTAMP NOT NULL,
    UNIQUE (dataset, sender, business_date, cycle, seq)
);
COMMENT ON COLUMN raw.file.file_id IS 'dataset-sender-date-cycle-vN, printed with source_line as the address of a row';
COMMENT ON COLUMN raw.file.path IS 'name inside the inbox as delivered';
COMMENT ON COLUMN raw.file.sha256 IS 'of the bytes as delivered, archived under frozen/<sha256>';
COMMENT ON COLUMN raw.file.seq IS 'version of this sender''s file, >= 1';
COMMENT ON COLUMN raw.file.records IS 'records of the body, as declared in the trailer and counted';
COMMENT ON COLUMN raw.file.control_total IS 'sum of absolute values of the control columns';
COMMENT ON COLUMN raw.file.known_from_ts IS 'UTC wall clock of acceptance; never printed';
COMMENT ON COLUMN raw.file.dataset IS 'dataset, equal in name and header';
COMMENT ON COLUMN raw.file.sender IS 'sender, HOUSE where the name gives none';
COMMENT ON COLUMN raw.file.business_date IS 'business date, equal in folder and header';
COMMENT ON COLUMN raw.file.cycle IS 'SOD, ITDn or EOD, equal in folder and header';
COMMENT ON COLUMN raw.file.schema_version IS 'version of the dataset''s columns';
COMMENT ON COLUMN raw.file.env IS 'PROD, TEST or DEMO, equal to the home''s';
COMMENT ON COLUMN raw.file.origin IS 'REAL or SYNTHETIC';
COMMENT ON COLUMN raw.file.created_ts IS 'UTC, written by the sender';
COMMENT ON COLUMN raw.file.as_of_ts IS 'UTC, time the content refers to';
COMMENT ON COLUMN raw.file.bytes IS 'bytes as delivered';
