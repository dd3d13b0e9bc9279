-- Policies imported into this home, append-only.
CREATE TABLE IF NOT EXISTS control.policy (
    policy_hash VARCHAR NOT NULL,
    policy_id VARCHAR NOT NULL,
    effective_date DATE NOT NULL,
    source VARCHAR NOT NULL,
    content VARCHAR NOT NULL
);
COMMENT ON COLUMN control.policy.policy_hash IS 'sha256 of the canonical content';
COMMENT ON COLUMN control.policy.policy_id IS 'name';
COMMENT ON COLUMN control.policy.effective_date IS 'first business date';
COMMENT ON COLUMN control.policy.source IS 'file it came from';
COMMENT ON COLUMN control.policy.content IS 'the policy, canonical JSON';
