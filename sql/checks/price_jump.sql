-- warning · book · F26 · an index moves by few of its daily volatilities
-- Do: compare with a second venue; the price is used as delivered.
-- Daily volatility: standard deviation of the log returns of the last 90 days, consecutive days only, added in the
-- order of days so that every run gives the same bits. Fewer than 20 returns test nothing.
WITH steps AS (
    SELECT
        underlying, "date", "close"::DOUBLE AS this, lag("close"::DOUBLE) OVER days AS previous,
        "date" - lag("date") OVER days AS gap
    FROM book.history
    WHERE run_id = $run_id AND "close" > 0 AND "date" < $business_date
    WINDOW days AS (PARTITION BY underlying ORDER BY "date")
),
volatility AS (
    SELECT
        underlying || '-USD' AS contract_id,
        list_aggregate(list(ln(this / previous) ORDER BY "date"), 'stddev_samp') AS daily
    FROM steps
    WHERE gap = 1 AND "date" >= $business_date - 90
    GROUP BY underlying
    HAVING count(*) >= 20
),
latest AS (
    SELECT underlying || '-USD' AS contract_id, arg_max(this, "date") AS "close" FROM steps GROUP BY underlying
),
carried AS (
    SELECT asset || '-USD' AS contract_id, price_usd FROM result.asset_price WHERE run_id = $predecessor_run_id
),
moves AS (
    SELECT
        file_id, source_line, contract_id, daily, price::DOUBLE AS price,
        coalesce(price_usd::DOUBLE, prev_price::DOUBLE, "close") AS previous
    FROM book.price
    JOIN volatility USING (contract_id)
    LEFT JOIN carried USING (contract_id)
    LEFT JOIN latest USING (contract_id)
    WHERE run_id = $run_id AND price_type = 'INDEX' AND price > 0
)
SELECT
    'prices' AS dataset, file_id, source_line, contract_id,
    price || ' after ' || previous || ': ' || round(abs(ln(price / previous)) / daily, 1) || ' daily volatilities'
        AS value,
    $price_jump_volatilities::VARCHAR AS limit_value
FROM moves
WHERE previous > 0 AND daily > 0 AND abs(ln(price / previous)) > $price_jump_volatilities * daily
