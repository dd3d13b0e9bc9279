-- Tests of judgements, overlapping windows first, then phase by phase.
SELECT t.*
FROM result.back_test_test AS t
WHERE list_contains($keys, t.series_key)
ORDER BY list_position($keys, t.series_key), t.family = 'SHORTFALL', t.family, t.phase, t.test, t.alternative
