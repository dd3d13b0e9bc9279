-- One row: the number of takeovers; a writer whose token is older may not commit.
CREATE TABLE IF NOT EXISTS control.fence (
    token BIGINT NOT NULL
);
COMMENT ON COLUMN control.fence.token IS 'rises with every new holder of the lock';
