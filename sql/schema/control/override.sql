-- Margin a person has added to a portfolio. A decision: kept beside the runs, frozen into each of them.
CREATE TABLE IF NOT EXISTS control.override (
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
COMMENT ON COLUMN control.override.override_id IS 'override';
COMMENT ON COLUMN control.override.clearing_member_id IS 'clearing member';
COMMENT ON COLUMN control.override.margin_account_id IS 'margin account';
COMMENT ON COLUMN control.override.client_id IS 'client of a gross account, empty otherwise';
COMMENT ON COLUMN control.override.amount_usd IS 'USD, >= 0, added to the portfolio''s requirement';
COMMENT ON COLUMN control.override.reason IS 'why';
COMMENT ON COLUMN control.override.requested_by IS 'who asked for it';
COMMENT ON COLUMN control.override.approved_by IS 'who approved it, another person';
COMMENT ON COLUMN control.override.first_date IS 'first business date it acts on';
COMMENT ON COLUMN control.override.last_date IS 'last business date it may act on';
COMMENT ON COLUMN control.override.review_date IS 'day it is to be looked at again';
COMMENT ON COLUMN control.override.withdrawn_date IS 'first business date it acts no more; empty while it stands';
