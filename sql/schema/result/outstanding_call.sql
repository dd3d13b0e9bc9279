-- Calls of earlier cycles that were not yet met at the start of the cycle, and what its deposits met of them.
CREATE TABLE IF NOT EXISTS result.outstanding_call (
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    call_id VARCHAR NOT NULL,
    call_version INTEGER NOT NULL,
    issued_ts TIMESTAMP NOT NULL,
    call_amount_usd DECIMAL(20, 2) NOT NULL,
    opening_usd DECIMAL(20, 2) NOT NULL,
    met_usd DECIMAL(20, 2) NOT NULL,
    closing_usd DECIMAL(20, 2) NOT NULL,
    state VARCHAR NOT NULL,
    cycle_id VARCHAR NOT NULL,
    due_ts TIMESTAMP NOT NULL,
    due_asset VARCHAR NOT NULL,
    fallen_due_usd DECIMAL(20, 2) NOT NULL,
    disputed_usd DECIMAL(20, 2) NOT NULL,
    overdue_usd DECIMAL(20, 2) NOT NULL,
    age_days INTEGER NOT NULL,
    overdue_hours INTEGER NOT NULL,
    cause VARCHAR NOT NULL
);
COMMENT ON COLUMN result.outstanding_call.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.outstanding_call.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN result.outstanding_call.margin_account_id IS 'margin account';
COMMENT ON COLUMN result.outstanding_call.call_id IS 'call';
COMMENT ON COLUMN result.outstanding_call.call_version IS 'its latest version';
COMMENT ON COLUMN result.outstanding_call.issued_ts IS 'UTC, when it was issued: deposits meet the oldest call first';
COMMENT ON COLUMN result.outstanding_call.call_amount_usd IS 'USD, face of the call';
COMMENT ON COLUMN result.outstanding_call.opening_usd IS 'USD, face less what the cycles before it met';
COMMENT ON COLUMN result.outstanding_call.met_usd IS 'USD, met by this cycle''s deposits after haircut';
COMMENT ON COLUMN result.outstanding_call.closing_usd IS 'USD, opening less met: what is still owed';
COMMENT ON COLUMN result.outstanding_call.state IS 'ISSUED, ACK, DISPUTED, PART_MET, MET, OVERDUE or ESCALATED: state of the call after the cycle';
COMMENT ON COLUMN result.outstanding_call.cycle_id IS 'cycle that called';
COMMENT ON COLUMN result.outstanding_call.due_ts IS 'UTC, when the latest version is due';
COMMENT ON COLUMN result.outstanding_call.due_asset IS 'asset it is due in';
COMMENT ON COLUMN result.outstanding_call.fallen_due_usd IS 'USD, >= 0: how much of the call was due by the cycle''s snapshot, met or not';
COMMENT ON COLUMN result.outstanding_call.disputed_usd IS 'USD, >= 0: of what is owed, disputed within the query clock and so not overdue';
COMMENT ON COLUMN result.outstanding_call.overdue_usd IS 'USD, >= 0: fallen due, neither met nor disputed';
COMMENT ON COLUMN result.outstanding_call.age_days IS 'calendar days since it was first issued';
COMMENT ON COLUMN result.outstanding_call.overdue_hours IS 'whole hours since the first part of it that is missing fell due, 0 where nothing is overdue';
COMMENT ON COLUMN result.outstanding_call.cause IS 'why it is ESCALATED: MEMBER_DEFAULTED, OVERDUE, AGE or UNCOLLECTED_LIMIT; empty otherwise';
