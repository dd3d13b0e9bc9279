-- What happened to calls, in the order it happened. Rows are only added.
CREATE TABLE IF NOT EXISTS control.call_event (
    event_no BIGINT NOT NULL,
    call_id VARCHAR NOT NULL,
    call_version INTEGER NOT NULL,
    event VARCHAR NOT NULL,
    amount_usd DECIMAL(20, 2) NOT NULL,
    run_id VARCHAR NOT NULL,
    user_name VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    recorded_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.call_event.event_no IS '1, 2, … over the whole home';
COMMENT ON COLUMN control.call_event.call_id IS 'call';
COMMENT ON COLUMN control.call_event.call_version IS 'version it happened to';
COMMENT ON COLUMN control.call_event.event IS 'ISSUED, SUPERSEDED, CREDITED, WITHDRAWN, RETURNABLE, ACK, DISPUTED, PART_MET, MET, OVERDUE or ESCALATED';
COMMENT ON COLUMN control.call_event.amount_usd IS 'USD, >= 0: asked, given back, answered, met or owed, as the event says';
COMMENT ON COLUMN control.call_event.run_id IS 'run whose release told it, empty for an answer';
COMMENT ON COLUMN control.call_event.user_name IS 'who answered, empty for a release';
COMMENT ON COLUMN control.call_event.reason IS 'why';
COMMENT ON COLUMN control.call_event.recorded_ts IS 'UTC wall clock, never published';
