-- What was asked of a second person. Rows are only ever added; the answer stands in control.decision_answer.
CREATE TABLE IF NOT EXISTS control.decision (
    decision_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    business_date DATE,
    cycle VARCHAR NOT NULL,
    about VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    subject_hash VARCHAR NOT NULL,
    requested_by VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    requested_ts TIMESTAMP NOT NULL,
    expires_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.decision.decision_id IS 'first 12 hex of sha256(kind|subject_hash|number of the request)';
COMMENT ON COLUMN control.decision.kind IS 'what is to be decided, e.g. MANUAL_PRICE';
COMMENT ON COLUMN control.decision.business_date IS 'first business date it concerns; empty where none';
COMMENT ON COLUMN control.decision.cycle IS 'cycle it concerns; empty for every cycle';
COMMENT ON COLUMN control.decision.about IS 'clearing member it concerns; empty where none';
COMMENT ON COLUMN control.decision.subject IS 'canonical JSON, what exactly is approved';
COMMENT ON COLUMN control.decision.subject_hash IS 'sha256 of the subject';
COMMENT ON COLUMN control.decision.requested_by IS 'who asked';
COMMENT ON COLUMN control.decision.reason IS 'why';
COMMENT ON COLUMN control.decision.requested_ts IS 'UTC wall clock, never published';
COMMENT ON COLUMN control.decision.expires_ts IS 'UTC, an answer after it is refused';
