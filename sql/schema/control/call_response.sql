-- Answers of members to calls. Rows are only added; the latest answer to a call counts.
CREATE TABLE IF NOT EXISTS control.call_response (
    response_no INTEGER NOT NULL,
    call_id VARCHAR NOT NULL,
    call_version INTEGER NOT NULL,
    response_type VARCHAR NOT NULL,
    disputed_usd DECIMAL(20, 2) NOT NULL,
    user_name VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    first_date DATE NOT NULL,
    query_by_date DATE NOT NULL,
    answered_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.call_response.response_no IS '1, 2, … over the whole home';
COMMENT ON COLUMN control.call_response.call_id IS 'call';
COMMENT ON COLUMN control.call_response.call_version IS 'version that was answered: a later version is to be answered anew';
COMMENT ON COLUMN control.call_response.response_type IS 'ACCEPT, PARTIAL_DISPUTE or FULL_DISPUTE';
COMMENT ON COLUMN control.call_response.disputed_usd IS 'USD, >= 0; the rest of the call stays due when it was due';
COMMENT ON COLUMN control.call_response.user_name IS 'who answered';
COMMENT ON COLUMN control.call_response.reason IS 'why';
COMMENT ON COLUMN control.call_response.first_date IS 'first business date whose end of day reckons with it';
COMMENT ON COLUMN control.call_response.query_by_date IS 'business date by which a dispute is to be settled: after it all of the call is due';
COMMENT ON COLUMN control.call_response.answered_ts IS 'UTC wall clock, never published';
