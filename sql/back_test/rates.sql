-- Rates of slices by policy and portfolio, day by day.
SELECT s.policy_hash, s.portfolio, r.* EXCLUDE (slice_key)
FROM result.back_test_slice AS s
JOIN result.back_test_rate AS r USING (slice_key)
WHERE list_contains($keys, s.slice_key)
ORDER BY s.policy_hash, s.portfolio, r.date
