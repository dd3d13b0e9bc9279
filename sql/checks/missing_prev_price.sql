-- critical · book · F28 · every future carried open has a previous price
-- Do: deliver prev_price: variation margin needs both ends of the day.
WITH previous AS (
    SELECT contract_id, settlement_price AS prev_price FROM result.mark WHERE run_id = $predecessor_run_id
    UNION ALL
    SELECT contract_id, prev_price FROM book.price WHERE run_id = $run_id
)
SELECT
    'prices' AS dataset, contract_id, coalesce(max(prev_price)::VARCHAR, 'none') AS value, '> 0' AS limit_value
FROM (
    SELECT DISTINCT contract_id
    FROM book.position AS position
    JOIN book.contract AS contract USING (run_id, contract_id)
    WHERE run_id = $run_id AND kind <> 'OPT' AND qty_open <> 0
)
LEFT JOIN previous USING (contract_id)
GROUP BY contract_id
HAVING coalesce(max(prev_price), 0) <= 0
