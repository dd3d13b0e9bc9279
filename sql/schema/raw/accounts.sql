-- One line per margin account.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.accounts (
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    account_type VARCHAR NOT NULL,
    base_ccy VARCHAR NOT NULL,
    linked_group VARCHAR,
    collateral_mode VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    valid_from VARCHAR,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.accounts.clearing_member_id IS 'id; key |  | clearing member';
COMMENT ON COLUMN raw.accounts.margin_account_id IS 'id; key |  | account';
COMMENT ON COLUMN raw.accounts.account_type IS 'enum(HOUSE,CLIENT_OMNI_NET,CLIENT_GROSS) |  | house, clients net, or clients gross (one portfolio per client)';
COMMENT ON COLUMN raw.accounts.base_ccy IS 'id |  | asset calls are due in';
COMMENT ON COLUMN raw.accounts.linked_group IS 'text; null |  | accounts margined together';
COMMENT ON COLUMN raw.accounts.collateral_mode IS 'enum(haircut,joint) |  | how coin collateral is margined';
COMMENT ON COLUMN raw.accounts.status IS 'enum(ACTIVE,SUSPENDED,CLOSED) |  | state';
COMMENT ON COLUMN raw.accounts.valid_from IS 'date; null |  | first day';
