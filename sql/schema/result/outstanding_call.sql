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
    state VARCHAR NOT NULL
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
COMMENT ON COLUMN result.outstanding_call.state IS 'ISSUED, PART_MET, MET or OVERDUE: state of the call after the cycle';
