-- What the scenarios are drawn from: daily closes, and by asset.series what was observed beside them. None later than
-- the business date.
SELECT underlying, date, close
FROM book.history
WHERE run_id = $run_id AND date <= $business_date
UNION ALL
SELECT concat(underlying, '.', series), date, level
FROM book.factor_history
WHERE run_id = $run_id AND date <= $business_date
ORDER BY ALL
