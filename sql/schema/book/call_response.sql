-- Answers to calls a run reckons with, as they stood when it was frozen.
CREATE TABLE IF NOT EXISTS book.call_response (
    run_id VARCHAR NOT NULL,
    call_id VARCHAR NOT NULL,
    call_version INTEGER NOT NULL,
    response_type VARCHAR NOT NULL,
    disputed_usd DECIMAL(20, 2) NOT NULL,
    first_date DATE NOT NULL,
    query_by_date DATE NOT NULL
);
COMMENT ON COLUMN book.call_response.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.call_response.call_id IS 'call';
COMMENT ON COLUMN book.call_response.call_version IS 'version that was answered';
COMMENT ON COLUMN book.call_response.response_type IS 'ACCEPT, PARTIAL_DISPUTE or FULL_DISPUTE';
COMMENT ON COLUMN book.call_response.disputed_usd IS 'USD, >= 0';
COMMENT ON COLUMN book.call_response.first_date IS 'first business date whose end of day reckons with it';
COMMENT ON COLUMN book.call_response.query_by_date IS 'business date by which a dispute is to be settled';
