-- One line per clearing member.
-- Text as delivered, already proven to be of the declared form; sql/book casts it.
-- Comment of a column: declared type; flags | unit | meaning.
CREATE TABLE IF NOT EXISTS raw.members (
    clearing_member_id VARCHAR NOT NULL,
    legal_name VARCHAR NOT NULL,
    lei VARCHAR,
    parent_id VARCHAR,
    status VARCHAR NOT NULL,
    credit_score VARCHAR,
    credit_limit VARCHAR,
    surveillance_level VARCHAR,
    base_ccy VARCHAR NOT NULL,
    delivery_channel VARCHAR,
    public_key_id VARCHAR,
    timezone VARCHAR,
    contact_group VARCHAR,
    permitted_assets VARCHAR,
    mta VARCHAR,
    rounding_unit VARCHAR,
    df_contribution VARCHAR,
    valid_from VARCHAR,
    valid_to VARCHAR,
    file_id VARCHAR NOT NULL,
    source_line INTEGER NOT NULL,
    row_sha256 VARCHAR NOT NULL
);
COMMENT ON COLUMN raw.members.clearing_member_id IS 'id; key |  | clearing member';
COMMENT ON COLUMN raw.members.legal_name IS 'text |  | legal name, never leaves the member''s own pack';
COMMENT ON COLUMN raw.members.lei IS 'text; null |  | ISO 17442';
COMMENT ON COLUMN raw.members.parent_id IS 'id; null |  | parent group';
COMMENT ON COLUMN raw.members.status IS 'enum(ACTIVE,WATCH,SUSPENDED,DEFAULTED) |  | state';
COMMENT ON COLUMN raw.members.credit_score IS 'double; null |  | credit score, 0 to 100, the higher the better';
COMMENT ON COLUMN raw.members.credit_limit IS 'decimal(28,2); null | USD | credit limit';
COMMENT ON COLUMN raw.members.surveillance_level IS 'integer; null |  | 0 = normal, each level above one credit step';
COMMENT ON COLUMN raw.members.base_ccy IS 'id |  | currency of totals';
COMMENT ON COLUMN raw.members.delivery_channel IS 'text; null |  | how files reach the member';
COMMENT ON COLUMN raw.members.public_key_id IS 'text; null |  | key of the member';
COMMENT ON COLUMN raw.members.timezone IS 'text; null | IANA | local time printed beside UTC';
COMMENT ON COLUMN raw.members.contact_group IS 'text; null |  | contacts';
COMMENT ON COLUMN raw.members.permitted_assets IS 'text; null |  | assets accepted, separated by |; empty = all eligible';
COMMENT ON COLUMN raw.members.mta IS 'decimal(28,2); null control | USD | minimum transfer amount agreed; empty = the policy''s';
COMMENT ON COLUMN raw.members.rounding_unit IS 'decimal(28,2); null | USD | call increment agreed; empty = the policy''s';
COMMENT ON COLUMN raw.members.df_contribution IS 'decimal(28,2); null | USD | default fund contribution';
COMMENT ON COLUMN raw.members.valid_from IS 'date; null |  | first day';
COMMENT ON COLUMN raw.members.valid_to IS 'date; null |  | last day';
