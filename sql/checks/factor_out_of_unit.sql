-- critical · book · F33 · a series is in its unit: volatilities are fractions, forwards and hours near the day's close
-- Do: deliver 0.55 for 55 %, and prices in USD.
SELECT
    'factor_history' AS dataset, factor.file_id, factor.source_line, concat(underlying, '.', series) AS contract_id,
    concat_ws(' ', factor."date", "level", 'at a close of ' || "close") AS value,
    CASE
        WHEN series LIKE 'IV%' THEN $iv_lowest || ' to ' || $iv_highest
        ELSE $factor_price_multiple || ' times the close'
    END AS limit_value
FROM book.factor_history AS factor
LEFT JOIN book.history AS history USING (run_id, underlying, "date")
WHERE
    run_id = $run_id
    AND CASE
        WHEN series LIKE 'IV%' THEN "level" NOT BETWEEN $iv_lowest AND $iv_highest
        ELSE "level" > $factor_price_multiple * "close" OR "level" * $factor_price_multiple < "close"
    END
