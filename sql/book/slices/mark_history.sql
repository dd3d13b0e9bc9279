-- Daily closes haircuts are calibrated on, none later than the business date.
SELECT underlying, date, close
FROM book.history
WHERE run_id = $run_id AND date <= $business_date
ORDER BY ALL
