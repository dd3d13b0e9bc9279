-- Call ledger: at most one issued call per key.
CREATE TABLE IF NOT EXISTS control.margin_call (
    call_id VARCHAR NOT NULL,
    call_version INTEGER NOT NULL,
    cycle_id VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    call_type VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    call_amount_usd DECIMAL(20, 2) NOT NULL,
    increment_amount_usd DECIMAL(20, 2) NOT NULL,
    met_amount_usd DECIMAL(20, 2) NOT NULL,
    due_asset VARCHAR NOT NULL,
    due_amount DECIMAL(38, 8) NOT NULL,
    due_haircut_fraction DECIMAL(9, 6) NOT NULL,
    calendar_id VARCHAR NOT NULL,
    issued_ts TIMESTAMP NOT NULL,
    due_ts TIMESTAMP NOT NULL,
    reason_code VARCHAR NOT NULL,
    UNIQUE (call_id, call_version)
);
COMMENT ON COLUMN control.margin_call.call_id IS 'first 16 hex of sha256(cycle_id|margin_account_id|call_type|seq)';
COMMENT ON COLUMN control.margin_call.call_version IS '1, 2, …';
COMMENT ON COLUMN control.margin_call.cycle_id IS 'cycle';
COMMENT ON COLUMN control.margin_call.run_id IS 'run';
COMMENT ON COLUMN control.margin_call.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN control.margin_call.margin_account_id IS 'margin account';
COMMENT ON COLUMN control.margin_call.call_type IS 'INITIAL_MARGIN';
COMMENT ON COLUMN control.margin_call.state IS 'DRAFT, APPROVED, ISSUED, ACK, DISPUTED, PART_MET, MET, OVERDUE, ESCALATED, SUPERSEDED, WITHDRAWN; INDICATIVE where nothing is asked yet';
COMMENT ON COLUMN control.margin_call.call_amount_usd IS 'USD, total';
COMMENT ON COLUMN control.margin_call.increment_amount_usd IS 'USD, signed; increments of all versions sum to the last call_amount';
COMMENT ON COLUMN control.margin_call.met_amount_usd IS 'USD, covered by later deposits';
COMMENT ON COLUMN control.margin_call.due_asset IS 'asset it is due in';
COMMENT ON COLUMN control.margin_call.due_amount IS 'native units of the due asset that are worth the call after haircut, rounded up';
COMMENT ON COLUMN control.margin_call.due_haircut_fraction IS 'fraction the due amount is enlarged for';
COMMENT ON COLUMN control.margin_call.calendar_id IS 'calendar of the due time';
COMMENT ON COLUMN control.margin_call.issued_ts IS 'UTC, from the timetable';
COMMENT ON COLUMN control.margin_call.due_ts IS 'UTC, from the calendar';
COMMENT ON COLUMN control.margin_call.reason_code IS 'why it was made';
