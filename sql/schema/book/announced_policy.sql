-- Policies of which notice was given when a run was frozen and that are not in force on its date.
CREATE TABLE IF NOT EXISTS book.announced_policy (
    run_id VARCHAR NOT NULL,
    proposal_id VARCHAR NOT NULL,
    policy_hash VARCHAR NOT NULL,
    effective_date DATE NOT NULL,
    notice_date DATE NOT NULL,
    content VARCHAR NOT NULL
);
COMMENT ON COLUMN book.announced_policy.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.announced_policy.proposal_id IS 'proposal';
COMMENT ON COLUMN book.announced_policy.policy_hash IS 'sha256 of the announced policy''s content';
COMMENT ON COLUMN book.announced_policy.effective_date IS 'its first business date, after that of the run';
COMMENT ON COLUMN book.announced_policy.notice_date IS 'business date after whose end of day notice was given';
COMMENT ON COLUMN book.announced_policy.content IS 'the announced policy file';
