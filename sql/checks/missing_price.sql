-- critical · book · F36 · every future and index in use has a price
-- Do: deliver the price; without it no position can be valued.
-- In use: a future or perpetual that is held or moved and not yet expired; the index of the underlying and settlement
-- asset of every contract held or moved, of every asset held as collateral, and of every base currency.
WITH held AS (
    SELECT *
    FROM book.contract
    WHERE run_id = $run_id AND contract_id IN (
        SELECT contract_id
        FROM book.position
        WHERE
            run_id = $run_id
            AND (
                qty_open <> 0 OR qty_close <> 0 OR qty_buy <> 0 OR qty_sell <> 0 OR qty_transfer <> 0
                OR qty_exercise_assign <> 0 OR qty_expired <> 0
            )
    )
),
assets AS (
    SELECT underlying_asset AS asset FROM held
    UNION
    SELECT settle_asset FROM held
    UNION
    SELECT base_ccy FROM book.account WHERE run_id = $run_id
    UNION
    SELECT base_ccy FROM book.member WHERE run_id = $run_id
    UNION
    SELECT asset FROM book.collateral WHERE run_id = $run_id
),
needed AS (
    SELECT contract_id, ['SETTLE', 'MARK'] AS price_types
    FROM held
    WHERE
        kind <> 'OPT' AND status NOT IN ('EXPIRED_UNSETTLED', 'SETTLED') AND coalesce(expiry_ts > $as_of_ts, true)
    UNION ALL
    SELECT asset || '-USD', ['INDEX'] FROM assets WHERE asset <> 'USD'
),
delivered AS (
    SELECT needed.contract_id, price_types, file_id, source_line, price
    FROM needed
    LEFT JOIN book.price AS price
        ON price.run_id = $run_id AND price.contract_id = needed.contract_id
        AND list_contains(price_types, price_type)
)
SELECT
    'prices' AS dataset, min(file_id) AS file_id, min(source_line) AS source_line, contract_id,
    CASE WHEN count(file_id) = 0 THEN 'not delivered' ELSE 'no number' END AS value,
    array_to_string(price_types, ' or ') AS limit_value
FROM delivered
GROUP BY contract_id, price_types
HAVING count(price) = 0
