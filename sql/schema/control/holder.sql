-- Fencing tokens: each command that writes raises the token by its first transaction; an older one writes no more.
CREATE TABLE IF NOT EXISTS control.holder (
    token BIGINT NOT NULL,
    command VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    pid BIGINT NOT NULL,
    since_ts TIMESTAMP NOT NULL
);
COMMENT ON COLUMN control.holder.token IS '1, 2, … without gaps; the highest is the one that may write';
COMMENT ON COLUMN control.holder.command IS 'command that held the home';
COMMENT ON COLUMN control.holder.host IS 'host it ran on, never published';
COMMENT ON COLUMN control.holder.pid IS 'its process, never published';
COMMENT ON COLUMN control.holder.since_ts IS 'UTC wall clock, never published';
