-- What the triggers of a policy review say of a cycle, one line for each subject; carried, so that one ends where it should.
CREATE TABLE IF NOT EXISTS result.policy_trigger (
    run_id VARCHAR NOT NULL,
    trigger_name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    level DOUBLE,
    fires_above DOUBLE NOT NULL,
    ends_below DOUBLE NOT NULL,
    unit VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    since_date DATE,
    numbers VARCHAR NOT NULL,
    action VARCHAR NOT NULL
);
COMMENT ON COLUMN result.policy_trigger.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.policy_trigger.trigger_name IS 'trigger of data/reference/triggers.toml';
COMMENT ON COLUMN result.policy_trigger.kind IS 'VOLATILITY, TAIL, LIQUIDITY, CREDIT, BREACHES, CONCENTRATION or LEVERAGE';
COMMENT ON COLUMN result.policy_trigger.subject IS 'underlying, HOUSE, clearing member or margin account';
COMMENT ON COLUMN result.policy_trigger.level IS 'in unit; empty where it cannot be told';
COMMENT ON COLUMN result.policy_trigger.fires_above IS 'in unit';
COMMENT ON COLUMN result.policy_trigger.ends_below IS 'in unit, at most fires_above';
COMMENT ON COLUMN result.policy_trigger.unit IS 'unit of the level';
COMMENT ON COLUMN result.policy_trigger.state IS 'FIRED, STANDS, ENDED, QUIET, or UNKNOWN where nothing stands and nothing can be told';
COMMENT ON COLUMN result.policy_trigger.since_date IS 'first day it stands; empty where it does not';
COMMENT ON COLUMN result.policy_trigger.numbers IS 'figures behind the level, name and value in turn';
COMMENT ON COLUMN result.policy_trigger.action IS 'what to look at where it stands';
