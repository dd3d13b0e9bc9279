-- What became of each proposed policy, state by state. Rows are only ever added.
CREATE TABLE IF NOT EXISTS control.policy_event (
    proposal_id VARCHAR NOT NULL,
    event_no INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    policy_hash VARCHAR NOT NULL,
    base_policy_hash VARCHAR NOT NULL,
    diff_hash VARCHAR NOT NULL,
    effective_date DATE NOT NULL,
    business_date DATE,
    emergency BOOLEAN NOT NULL,
    user_name VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    decision_id VARCHAR NOT NULL,
    evidence VARCHAR NOT NULL,
    event_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.policy_event.proposal_id IS 'P- and the first 12 hex of sha256(base policy|policy|number of the proposal)';
COMMENT ON COLUMN control.policy_event.event_no IS 'number of the event among those of its proposal, from 1';
COMMENT ON COLUMN control.policy_event.state IS 'DRAFT, CALIBRATED, TESTED, IMPACT_ASSESSED, REVIEWED, APPROVED, NOTICED, ACTIVE, SUPERSEDED, REJECTED, WITHDRAWN, or LOOKED_BACK where an active one was looked at again';
COMMENT ON COLUMN control.policy_event.policy_hash IS 'sha256 of the proposed policy''s content';
COMMENT ON COLUMN control.policy_event.base_policy_hash IS 'sha256 of the content of the policy it takes the place of';
COMMENT ON COLUMN control.policy_event.diff_hash IS 'sha256 of what it changes of that one';
COMMENT ON COLUMN control.policy_event.effective_date IS 'its first business date';
COMMENT ON COLUMN control.policy_event.business_date IS 'latest published end of day when it happened; empty in a home without one';
COMMENT ON COLUMN control.policy_event.emergency IS 'whether it goes the emergency''s way';
COMMENT ON COLUMN control.policy_event.user_name IS 'who did it';
COMMENT ON COLUMN control.policy_event.reason IS 'why, in words';
COMMENT ON COLUMN control.policy_event.decision_id IS 'approval it rests on, empty where none';
COMMENT ON COLUMN control.policy_event.evidence IS 'canonical JSON, what the state rests on';
COMMENT ON COLUMN control.policy_event.event_ts IS 'UTC wall clock, never published';
