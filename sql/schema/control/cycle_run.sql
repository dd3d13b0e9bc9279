-- One line per run of a cycle.
CREATE TABLE IF NOT EXISTS control.cycle_run (
    run_id VARCHAR NOT NULL,
    business_date DATE NOT NULL,
    cycle VARCHAR NOT NULL,
    run_no INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    env VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    input_root VARCHAR NOT NULL,
    opening_root VARCHAR NOT NULL,
    decisions_root VARCHAR NOT NULL,
    policy_hash VARCHAR NOT NULL,
    reference_hash VARCHAR NOT NULL,
    model_version VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    constraints_hash VARCHAR NOT NULL,
    predecessor_run_id VARCHAR NOT NULL,
    genesis BOOLEAN NOT NULL,
    price_as_of_ts TIMESTAMP NOT NULL,
    position_as_of_ts TIMESTAMP NOT NULL,
    collateral_as_of_ts TIMESTAMP NOT NULL,
    as_of_ts TIMESTAMP NOT NULL,
    origin VARCHAR NOT NULL
);
COMMENT ON COLUMN control.cycle_run.run_id IS '<YYYYMMDD>-<CYCLE>-r<NN>';
COMMENT ON COLUMN control.cycle_run.business_date IS 'business date';
COMMENT ON COLUMN control.cycle_run.cycle IS 'SOD, ITDn or EOD';
COMMENT ON COLUMN control.cycle_run.run_no IS 'counts distinct fingerprints of the cycle';
COMMENT ON COLUMN control.cycle_run.state IS 'FROZEN, VALIDATED, COMPUTED, RECONCILED, APPROVED, PUBLISHED, BLOCKED, WAITING(APPROVAL) or SUPERSEDED';
COMMENT ON COLUMN control.cycle_run.env IS 'PROD, TEST or DEMO';
COMMENT ON COLUMN control.cycle_run.fingerprint IS 'sha256 of the roots below';
COMMENT ON COLUMN control.cycle_run.input_root IS 'sha256 of the sorted lines dataset sender seq sha256';
COMMENT ON COLUMN control.cycle_run.opening_root IS 'sha256 of the carried tables of the predecessor, of nothing in a genesis cycle';
COMMENT ON COLUMN control.cycle_run.decisions_root IS 'sha256 of approvals, overrides, call answers and member states at freeze';
COMMENT ON COLUMN control.cycle_run.policy_hash IS 'policy in force';
COMMENT ON COLUMN control.cycle_run.reference_hash IS 'calendars and reference data';
COMMENT ON COLUMN control.cycle_run.model_version IS 'version of the methodology';
COMMENT ON COLUMN control.cycle_run.code_version IS 'package version and sha256 of the shipped sources';
COMMENT ON COLUMN control.cycle_run.constraints_hash IS 'sha256 of the exact versions';
COMMENT ON COLUMN control.cycle_run.predecessor_run_id IS 'published run balances are carried from, empty in a genesis cycle';
COMMENT ON COLUMN control.cycle_run.genesis IS 'true where nothing is carried';
COMMENT ON COLUMN control.cycle_run.price_as_of_ts IS 'UTC, as_of_ts of the prices file';
COMMENT ON COLUMN control.cycle_run.position_as_of_ts IS 'UTC, as_of_ts of the positions file';
COMMENT ON COLUMN control.cycle_run.collateral_as_of_ts IS 'UTC, as_of_ts of the collateral file';
COMMENT ON COLUMN control.cycle_run.as_of_ts IS 'UTC, the cycle''s own time: the latest of the three';
COMMENT ON COLUMN control.cycle_run.origin IS 'REAL, or SYNTHETIC when any input is';
