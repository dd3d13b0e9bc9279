-- Breaches of judgements with their causes, by day.
SELECT b.policy_id, b.policy_hash, b.portfolio, b.product, b.horizon_days, e.* EXCLUDE (series_key)
FROM result.back_test_exception AS e
JOIN result.back_test AS b USING (series_key)
WHERE list_contains($keys, e.series_key)
ORDER BY e.date, list_position($keys, e.series_key)
