-- The volatility surface: one SVI slice per underlying and expiry with its certificate and how well it fits.
CREATE TABLE IF NOT EXISTS result.surface (
    run_id VARCHAR NOT NULL,
    underlying VARCHAR NOT NULL,
    expiry_ts TIMESTAMP NOT NULL,
    years_to_expiry DOUBLE NOT NULL,
    forward_price DOUBLE NOT NULL,
    svi_a DOUBLE NOT NULL,
    svi_b DOUBLE NOT NULL,
    svi_rho DOUBLE NOT NULL,
    svi_mu DOUBLE NOT NULL,
    svi_s DOUBLE NOT NULL,
    method VARCHAR NOT NULL,
    certified BOOLEAN NOT NULL,
    min_g DOUBLE NOT NULL,
    min_calendar_gap DOUBLE,
    n_quotes INTEGER NOT NULL,
    rmse_bp DOUBLE,
    tolerance_bp DOUBLE NOT NULL,
    n_quoted INTEGER NOT NULL,
    n_inside_half_spread INTEGER NOT NULL
);
COMMENT ON COLUMN result.surface.run_id IS 'run the row belongs to';
COMMENT ON COLUMN result.surface.underlying IS 'asset';
COMMENT ON COLUMN result.surface.expiry_ts IS 'UTC';
COMMENT ON COLUMN result.surface.years_to_expiry IS 'years of 365 days';
COMMENT ON COLUMN result.surface.forward_price IS 'quote, median of the options'' forwards';
COMMENT ON COLUMN result.surface.svi_a IS 'total variance w(k) = a + b (rho (k - mu) + sqrt((k - mu)^2 + s^2)), k = ln(strike / forward)';
COMMENT ON COLUMN result.surface.svi_b IS 'total variance per unit of k, >= 0';
COMMENT ON COLUMN result.surface.svi_rho IS 'between -1 and 1';
COMMENT ON COLUMN result.surface.svi_mu IS 'unit of k';
COMMENT ON COLUMN result.surface.svi_s IS 'unit of k, > 0';
COMMENT ON COLUMN result.surface.method IS 'SVI fitted; REPAIRED moved until it passes; PRIOR borrowed for want of quotes';
COMMENT ON COLUMN result.surface.certified IS 'neither butterfly nor calendar arbitrage on |k| <= 1.5';
COMMENT ON COLUMN result.surface.min_g IS 'lowest g(k), >= 0 without butterfly arbitrage';
COMMENT ON COLUMN result.surface.min_calendar_gap IS 'lowest total variance less that of the expiry before, >= 0 without calendar arbitrage; empty for the first';
COMMENT ON COLUMN result.surface.n_quotes IS 'quotes fitted, one per strike';
COMMENT ON COLUMN result.surface.rmse_bp IS 'bp of volatility, weighted by vega; empty without quotes';
COMMENT ON COLUMN result.surface.tolerance_bp IS 'bp of volatility, misfit that is no mark uncertainty';
COMMENT ON COLUMN result.surface.n_quoted IS 'options with a fresh price, bid and ask';
COMMENT ON COLUMN result.surface.n_inside_half_spread IS 'of those, priced by the surface within half a spread of the mark';
