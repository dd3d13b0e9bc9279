-- Judgements, in the order they are named in.
SELECT b.*
FROM result.back_test AS b
WHERE list_contains($keys, b.series_key)
ORDER BY list_position($keys, b.series_key)
