-- One line per account, client and contract: the movements of the cycle as the member's book saw them.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.positions (
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    account_type VARCHAR NOT NULL,
    client_id VARCHAR,
    contract_id VARCHAR NOT NULL,
    qty_open VARCHAR,
    qty_buy VARCHAR NOT NULL,
    qty_sell VARCHAR NOT NULL,
    qty_transfer VARCHAR NOT NULL,
    qty_exercise_assign VARCHAR NOT NULL,
    qty_expired VARCHAR NOT NULL,
    qty_close VARCHAR,
    buy_value VARCHAR NOT NULL,
    sell_value VARCHAR NOT NULL,
    premium_paid VARCHAR NOT NULL,
    fees VARCHAR NOT NULL,
    position_as_of_ts VARCHAR NOT NULL,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.positions.clearing_member_id IS 'id; key |  | clearing member that answers for the position';
COMMENT ON COLUMN raw.positions.margin_account_id IS 'id; key |  | account the position is margined in';
COMMENT ON COLUMN raw.positions.account_type IS 'enum(HOUSE,CLIENT_OMNI_NET,CLIENT_GROSS) |  | must equal the account''s registered type';
COMMENT ON COLUMN raw.positions.client_id IS 'id; key null |  | client of a gross account, empty otherwise';
COMMENT ON COLUMN raw.positions.contract_id IS 'contract; key |  | contract held';
COMMENT ON COLUMN raw.positions.qty_open IS 'decimal(28,8); null | contracts | position carried in, long > 0; required in a genesis cycle only';
COMMENT ON COLUMN raw.positions.qty_buy IS 'decimal(28,8) | contracts | bought in the cycle, >= 0';
COMMENT ON COLUMN raw.positions.qty_sell IS 'decimal(28,8) | contracts | sold in the cycle, >= 0';
COMMENT ON COLUMN raw.positions.qty_transfer IS 'decimal(28,8) | contracts | transferred in (> 0) or out (< 0)';
COMMENT ON COLUMN raw.positions.qty_exercise_assign IS 'decimal(28,8) | contracts | signed movement of exercise or assignment';
COMMENT ON COLUMN raw.positions.qty_expired IS 'decimal(28,8) | contracts | signed movement of expiry: a long position expires as a negative movement';
COMMENT ON COLUMN raw.positions.qty_close IS 'decimal(28,8); null control | contracts | position carried out, long > 0';
COMMENT ON COLUMN raw.positions.buy_value IS 'decimal(38,12) | linear: sum of qty x price (quote); inverse: sum of qty / price (coin) | value of what was bought, >= 0';
COMMENT ON COLUMN raw.positions.sell_value IS 'decimal(38,12) | as buy_value | value of what was sold, >= 0';
COMMENT ON COLUMN raw.positions.premium_paid IS 'decimal(38,12) | settlement asset | option premium, > 0 = the account pays';
COMMENT ON COLUMN raw.positions.fees IS 'decimal(38,12) | settlement asset | fees of the cycle, > 0 = the account pays';
COMMENT ON COLUMN raw.positions.position_as_of_ts IS 'timestamp | UTC | time of the position';
