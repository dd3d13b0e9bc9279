-- What the second person said. Rows are only ever added, one per decision.
CREATE TABLE IF NOT EXISTS control.decision_answer (
    decision_id VARCHAR NOT NULL,
    subject_hash VARCHAR NOT NULL,
    answer VARCHAR NOT NULL,
    decided_by VARCHAR NOT NULL,
    decided_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.decision_answer.decision_id IS 'decision';
COMMENT ON COLUMN control.decision_answer.subject_hash IS 'sha256 of what the person saw';
COMMENT ON COLUMN control.decision_answer.answer IS 'APPROVED or REJECTED';
COMMENT ON COLUMN control.decision_answer.decided_by IS 'who answered, another person than who asked';
COMMENT ON COLUMN control.decision_answer.decided_ts IS 'UTC wall clock, never published';
