-- warning · row · F21 · every listed or held option has a price
-- Do: none needed today: the option is valued by the model; ask the venue for the mark.
-- A line without a number is taken out; an option without any line has no address.
WITH options AS (
    SELECT contract_id
    FROM book.contract
    WHERE
        run_id = $run_id AND kind = 'OPT' AND expiry_ts > $as_of_ts
        AND (
            status = 'ACTIVE'
            OR status = 'SUSPENDED'
            AND contract_id IN (SELECT contract_id FROM book.position WHERE run_id = $run_id AND qty_close <> 0)
        )
),
delivered AS (
    SELECT options.contract_id, file_id, source_line, price
    FROM options
    LEFT JOIN book.price AS price
        ON price.run_id = $run_id AND price.contract_id = options.contract_id AND price_type IN ('SETTLE', 'MARK')
)
SELECT
    'prices' AS dataset, file_id, source_line, contract_id,
    CASE WHEN file_id IS NULL THEN 'not delivered' ELSE 'no number' END AS value, 'a price' AS limit_value
FROM delivered
WHERE price IS NULL
