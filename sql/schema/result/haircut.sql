-- Haircut in force of every asset that is held, due or paid in.
CREATE TABLE IF NOT EXISTS result.haircut (
    run_id VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    floor_fraction DECIMAL(9, 6) NOT NULL,
    calibrated_fraction DECIMAL(9, 6),
    haircut_fraction DECIMAL(9, 6) NOT NULL,
    rule_id VARCHAR NOT NULL,
    quality VARCHAR NOT NULL,
    issuer VARCHAR NOT NULL
);
COMMENT ON COLUMN result.haircut.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.haircut.asset IS 'asset';
COMMENT ON COLUMN result.haircut.floor_fraction IS 'fraction, the policy''s haircut';
COMMENT ON COLUMN result.haircut.calibrated_fraction IS 'fraction, quantile of the asset''s own losses; empty where it is not calibrated or its history is too short';
COMMENT ON COLUMN result.haircut.haircut_fraction IS 'fraction, the larger one: the haircut in force';
COMMENT ON COLUMN result.haircut.rule_id IS 'policy path of the haircut that binds';
COMMENT ON COLUMN result.haircut.quality IS 'OK, or PROXY where a declared fraction stands for a calibrated one that is missing';
COMMENT ON COLUMN result.haircut.issuer IS 'who stands behind the asset; empty for cash and coins';
