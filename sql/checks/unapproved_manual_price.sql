-- critical · book · F87 · a price by hand is approved by a second person
-- Do: ask for it with `levee approvals ask-price` and have another person approve, or deliver an observed price.
SELECT
    'prices' AS dataset, file_id, source_line, contract_id, coalesce(price::VARCHAR, '') AS value,
    price_type AS limit_value
FROM book.price
ANTI JOIN (
    SELECT contract_id, price_type FROM book.decision WHERE run_id = $run_id AND kind = 'MANUAL_PRICE'
) USING (contract_id, price_type)
WHERE run_id = $run_id AND quality = 'MANUAL'
