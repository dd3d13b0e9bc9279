-- warning · row · F21 · an option's price is not negative
-- Do: none needed today: the option is valued by the model; zero would be valid.
SELECT
    'prices' AS dataset, price.file_id, price.source_line, contract_id, price::VARCHAR AS value, '>= 0' AS limit_value
FROM book.price AS price
SEMI JOIN (SELECT contract_id FROM book.contract WHERE run_id = $run_id AND kind = 'OPT') USING (contract_id)
WHERE run_id = $run_id AND price < 0 AND price_type IN ('SETTLE', 'MARK')
