-- What was traded of an underlying on each day of its history, where it was delivered.
WITH delivered AS (
    SELECT h.underlying, h.date, r.volume_usd::DECIMAL(28, 2) AS volume_usd
    FROM book.history AS h
    JOIN raw.history AS r ON r.file_id = h.file_id AND r.source_line = h.source_line
    WHERE h.run_id = $run_id
)
SELECT underlying, date, volume_usd
FROM delivered
WHERE volume_usd > 0
ORDER BY ALL
