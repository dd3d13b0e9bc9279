-- Approved decisions a run is computed from, as they stood when it was frozen.
CREATE TABLE IF NOT EXISTS book.decision (
    run_id VARCHAR NOT NULL,
    decision_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    subject_hash VARCHAR NOT NULL,
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    contract_id VARCHAR NOT NULL,
    price_type VARCHAR NOT NULL,
    price DECIMAL(28, 10),
    quantity DECIMAL(28, 8),
    status VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    requested_by VARCHAR NOT NULL,
    approved_by VARCHAR NOT NULL
);
COMMENT ON COLUMN book.decision.run_id IS 'run the row belongs to';
COMMENT ON COLUMN book.decision.decision_id IS 'decision';
COMMENT ON COLUMN book.decision.kind IS 'what was decided, e.g. MANUAL_PRICE';
COMMENT ON COLUMN book.decision.subject_hash IS 'sha256 of what was approved';
COMMENT ON COLUMN book.decision.clearing_member_id IS 'clearing member, empty where none';
COMMENT ON COLUMN book.decision.margin_account_id IS 'margin account, empty where none';
COMMENT ON COLUMN book.decision.contract_id IS 'contract or index, empty where none';
COMMENT ON COLUMN book.decision.price_type IS 'of a MANUAL_PRICE: SETTLE, MARK, INDEX or FINAL';
COMMENT ON COLUMN book.decision.price IS 'of a MANUAL_PRICE: quote per unit';
COMMENT ON COLUMN book.decision.quantity IS 'of a POSITION_CONFIRMED: contracts, >= 0, the larger of the long and the short lines';
COMMENT ON COLUMN book.decision.status IS 'of a MEMBER_STATUS: the member''s status, of a MEMBER_RATING: its surveillance level; empty otherwise';
COMMENT ON COLUMN book.decision.reason IS 'why';
COMMENT ON COLUMN book.decision.requested_by IS 'who asked';
COMMENT ON COLUMN book.decision.approved_by IS 'who approved it, another person';
