-- Slices of the volatility surface that hold their certificate: the smiles volatility is read off in a scenario.
SELECT underlying, expiry_ts, svi_a, svi_b, svi_rho, svi_mu, svi_s
FROM result.surface
WHERE run_id = $run_id AND certified
ORDER BY ALL
