-- Windows of judgements: PB01.
SELECT b.policy_id, b.policy_hash, b.portfolio, b.product, b.horizon_days, w.* EXCLUDE (series_key)
FROM result.back_test_window AS w
JOIN result.back_test AS b USING (series_key)
WHERE list_contains($keys, w.series_key)
ORDER BY list_position($keys, w.series_key), w.position
