-- warning · row · F35 · an order book is not crossed and its prices worsen level by level
-- Do: none needed: the snapshot is left out.
-- A crossed or disordered snapshot is taken out whole.
WITH levels AS (
    SELECT
        contract_id, obs_ts, side, price,
        lag(price) OVER (PARTITION BY contract_id, obs_ts, side ORDER BY level) AS better
    FROM book.depth
    WHERE run_id = $run_id
),
broken AS (
    SELECT contract_id, obs_ts, max(price) FILTER (side = 'BID') AS bid, min(price) FILTER (side = 'ASK') AS ask
    FROM levels
    GROUP BY contract_id, obs_ts
    HAVING bid >= ask OR bool_or(coalesce(CASE side WHEN 'BID' THEN price >= better ELSE price <= better END, false))
)
SELECT
    'book_depth' AS dataset, file_id, source_line, contract_id, 'bid ' || coalesce(bid::VARCHAR, 'none') AS value,
    'ask ' || coalesce(ask::VARCHAR, 'none') AS limit_value
FROM book.depth
JOIN broken USING (contract_id, obs_ts)
WHERE run_id = $run_id
