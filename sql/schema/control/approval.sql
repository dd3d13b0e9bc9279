-- What a run's release needs a second person for, and what became of it.
CREATE TABLE IF NOT EXISTS control.approval (
    run_id VARCHAR NOT NULL,
    decision_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    subject_hash VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    requested_by VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    decided_by VARCHAR NOT NULL
);
COMMENT ON COLUMN control.approval.run_id IS 'run';
COMMENT ON COLUMN control.approval.decision_id IS 'decision';
COMMENT ON COLUMN control.approval.kind IS 'LARGE_CALL or REISSUE';
COMMENT ON COLUMN control.approval.subject_hash IS 'sha256 of what is approved';
COMMENT ON COLUMN control.approval.state IS 'OPEN or APPROVED';
COMMENT ON COLUMN control.approval.requested_by IS 'who asked';
COMMENT ON COLUMN control.approval.reason IS 'why';
COMMENT ON COLUMN control.approval.decided_by IS 'who approved it, another person; empty while open';
