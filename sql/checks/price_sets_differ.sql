-- critical · book · F30 · all prices of a cycle are of one set
-- Do: deliver every price from the same set.
-- Listed are the lines of every set but the one with most lines.
WITH sets AS (SELECT price_set_id, count(*) AS lines FROM book.price WHERE run_id = $run_id GROUP BY price_set_id),
main AS (SELECT price_set_id FROM sets ORDER BY lines DESC, price_set_id LIMIT 1)
SELECT
    'prices' AS dataset, file_id, source_line, contract_id, price.price_set_id AS value,
    main.price_set_id AS limit_value
FROM book.price AS price
JOIN main ON price.price_set_id <> main.price_set_id
WHERE run_id = $run_id
