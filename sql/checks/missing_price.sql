-- critical · book · F36 · every future and index in use has a price
-- Do: deliver the price; without it no position can be valued.
-- In use: a future or perpetual with a position line, not yet expired; the index of every underlying and settlement asset
-- of such lines, of every asset that calls are due in, and of every balance that counts (listed in the policy, or owed).
WITH held AS (
    SELECT DISTINCT contract.*
    FROM book.contract AS contract
    JOIN book.position AS position USING (run_id, contract_id)
    WHERE run_id = $run_id
),
assets AS (
    SELECT underlying_asset AS asset FROM held
    UNION
    SELECT settle_asset FROM held
    UNION
    SELECT base_ccy FROM book.account WHERE run_id = $run_id
    UNION
    SELECT asset
    FROM book.collateral
    WHERE
        run_id = $run_id
        AND (
            list_contains($haircut_assets, asset)
            OR qty_open + deposits - withdrawals + interest + adjustment < 0
        )
),
needed AS (
    SELECT contract_id, ['SETTLE', 'MARK'] AS price_types
    FROM held
    WHERE kind <> 'OPT' AND coalesce(expiry_ts > $as_of_ts, true)
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
