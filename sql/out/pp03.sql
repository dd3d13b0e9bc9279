-- PP03 · slices of the volatility surface with their certificates.
SELECT
    underlying, expiry_ts, years_to_expiry, forward_price, svi_a, svi_b, svi_rho, svi_mu, svi_s, method, certified,
    min_g, min_calendar_gap, n_quotes, rmse_bp, tolerance_bp, n_quoted, n_inside_half_spread
FROM result.surface
WHERE run_id = $run_id
ORDER BY underlying, expiry_ts;
