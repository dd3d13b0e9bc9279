-- Decided overrides as they stood when the run was frozen.
CREATE TABLE IF NOT EXISTS book.override (
    run_id VARCHAR NOT NULL,
    override_id VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    client_id VARCHAR NOT NULL,
    amount_usd DECIMAL(20, 2) NOT NULL,
    reason VARCHAR NOT NULL,
    requested_by VARCHAR NOT NULL,
    approved_by VARCHAR NOT NULL,
    first_date DATE NOT NULL,
    last_date DATE NOT NULL,
    review_date DATE NOT NULL,
    withdrawn_date DATE
);
COMMENT ON COLUMN book.override.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.override.override_id IS 'override';
COMMENT ON COLUMN book.override.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN book.override.margin_account_id IS 'margin account';
COMMENT ON COLUMN book.override.client_id IS 'client of a gross account, empty otherwise';
COMMENT ON COLUMN book.override.amount_usd IS 'USD, >= 0, added to the portfolio''s requirement';
COMMENT ON COLUMN book.override.reason IS 'why';
COMMENT ON COLUMN book.override.requested_by IS 'who asked for it';
COMMENT ON COLUMN book.override.approved_by IS 'who approved it, another person';
COMMENT ON COLUMN book.override.first_date IS 'first business date it acts on';
COMMENT ON COLUMN book.override.last_date IS 'last business date it may act on';
COMMENT ON COLUMN book.override.review_date IS 'day it is to be looked at again';
COMMENT ON COLUMN book.override.withdrawn_date IS 'first business date it acts no more; empty while it stands';
