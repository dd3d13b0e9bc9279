-- warning · book · F74 · a series is of an asset with daily closes
-- Do: correct the name of the underlying, or deliver its closes: nothing is made of the series.
SELECT
    'factor_history' AS dataset, min(file_id) AS file_id, min(source_line) AS source_line, underlying AS contract_id,
    count(*) || ' lines' AS value, 'an underlying of history' AS limit_value
FROM book.factor_history
ANTI JOIN (SELECT underlying FROM book.history WHERE run_id = $run_id) USING (underlying)
WHERE run_id = $run_id
GROUP BY underlying
