-- Which review of the policy answered which trigger that fired, each once. Rows are only ever added.
CREATE TABLE IF NOT EXISTS control.policy_review (
    run_id VARCHAR NOT NULL,
    trigger_name VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    review_id VARCHAR NOT NULL,
    calibration_id VARCHAR NOT NULL,
    proposal_id VARCHAR NOT NULL,
    user_name VARCHAR NOT NULL,
    event_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.policy_review.run_id IS 'run the trigger fired in';
COMMENT ON COLUMN control.policy_review.trigger_name IS 'trigger of data/reference/triggers.toml';
COMMENT ON COLUMN control.policy_review.subject IS 'underlying, HOUSE, clearing member or margin account it fired for';
COMMENT ON COLUMN control.policy_review.review_id IS 'R- and the first 12 hex of sha256(calibration|what it answers)';
COMMENT ON COLUMN control.policy_review.calibration_id IS 'calibration the review rests on';
COMMENT ON COLUMN control.policy_review.proposal_id IS 'proposal it led to; empty where data contradict nothing of the policy in force';
COMMENT ON COLUMN control.policy_review.user_name IS 'who let it run';
COMMENT ON COLUMN control.policy_review.event_ts IS 'UTC wall clock, never published';
