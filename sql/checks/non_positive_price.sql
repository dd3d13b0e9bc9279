-- critical · book · F21 · a price is positive, but for an option's mark
-- Do: correct the price; without it no position can be valued.
-- Every index, and the future, perpetual and final prices of contracts with a position line.
SELECT
    'prices' AS dataset, price.file_id, price.source_line, contract_id, price::VARCHAR AS value, '> 0' AS limit_value
FROM book.price AS price
LEFT JOIN (SELECT contract_id, kind FROM book.contract WHERE run_id = $run_id) AS contract USING (contract_id)
LEFT JOIN (SELECT DISTINCT contract_id, true AS held FROM book.position WHERE run_id = $run_id) USING (contract_id)
WHERE
    run_id = $run_id AND price <= 0
    AND (price_type = 'INDEX' OR held AND (price_type = 'FINAL' OR kind <> 'OPT' AND price_type <> 'FUNDING_AVG'))
