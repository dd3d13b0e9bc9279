-- One line per account and asset: movements from outside; the balance itself is carried by the house.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.collateral_balances (
    clearing_member_id VARCHAR NOT NULL,
    margin_account_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    form VARCHAR NOT NULL,
    qty_open VARCHAR,
    deposits VARCHAR NOT NULL,
    withdrawals VARCHAR NOT NULL,
    pending_in VARCHAR,
    pending_out VARCHAR,
    interest VARCHAR,
    adjustment VARCHAR,
    qty_close VARCHAR,
    custody_ref VARCHAR,
    chain VARCHAR,
    wallet_ref VARCHAR,
    txid VARCHAR,
    confirmations VARCHAR,
    finality_ts VARCHAR,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.collateral_balances.clearing_member_id IS 'id; key |  | clearing member';
COMMENT ON COLUMN raw.collateral_balances.margin_account_id IS 'id; key |  | account';
COMMENT ON COLUMN raw.collateral_balances.asset IS 'id; key |  | asset held';
COMMENT ON COLUMN raw.collateral_balances.form IS 'enum(CASH,STABLECOIN,COIN,TOKENISED_MMF,GUARANTEE) |  | form of the asset';
COMMENT ON COLUMN raw.collateral_balances.qty_open IS 'decimal(38,18); null control | native units | balance carried in; required in a genesis cycle only';
COMMENT ON COLUMN raw.collateral_balances.deposits IS 'decimal(38,18); control | native units | final deposits, >= 0';
COMMENT ON COLUMN raw.collateral_balances.withdrawals IS 'decimal(38,18); control | native units | withdrawals, >= 0';
COMMENT ON COLUMN raw.collateral_balances.pending_in IS 'decimal(38,18); null | native units | not final yet, never counted';
COMMENT ON COLUMN raw.collateral_balances.pending_out IS 'decimal(38,18); null | native units | not final yet, never counted';
COMMENT ON COLUMN raw.collateral_balances.interest IS 'decimal(38,18); null | native units | > 0 = credited to the account';
COMMENT ON COLUMN raw.collateral_balances.adjustment IS 'decimal(38,18); null | native units | > 0 = credited to the account';
COMMENT ON COLUMN raw.collateral_balances.qty_close IS 'decimal(38,18); null | native units | balance before settlement as the sender sees it; if given it must agree';
COMMENT ON COLUMN raw.collateral_balances.custody_ref IS 'text; null |  | custody reference';
COMMENT ON COLUMN raw.collateral_balances.chain IS 'text; null |  | chain of the transfer';
COMMENT ON COLUMN raw.collateral_balances.wallet_ref IS 'text; null |  | wallet';
COMMENT ON COLUMN raw.collateral_balances.txid IS 'text; null |  | transaction id';
COMMENT ON COLUMN raw.collateral_balances.confirmations IS 'integer; null |  | confirmations seen';
COMMENT ON COLUMN raw.collateral_balances.finality_ts IS 'timestamp; null | UTC | time of finality';
