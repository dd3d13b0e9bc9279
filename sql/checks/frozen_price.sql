-- warning · book · F24 · a future moves when its index does, and the index when its futures do
-- Do: see whether the feed stands still; the price is used as delivered.
WITH previous AS (
    SELECT contract_id, settlement_price AS prev_price FROM result.mark WHERE run_id = $predecessor_run_id
    UNION ALL
    SELECT asset || '-USD', price_usd FROM result.asset_price WHERE run_id = $predecessor_run_id
),
moves AS (
    SELECT
        file_id, source_line, contract_id, coalesce(underlying_asset || '-USD', contract_id) AS index_id,
        kind IS NULL AS is_index, price, coalesce(previous.prev_price, price.prev_price) AS prev_price
    FROM book.price AS price
    LEFT JOIN previous USING (contract_id)
    LEFT JOIN (SELECT contract_id, kind, underlying_asset FROM book.contract WHERE run_id = $run_id) USING (contract_id)
    WHERE
        run_id = $run_id
        AND (price_type = 'INDEX' AND kind IS NULL OR kind <> 'OPT' AND price_type IN ('SETTLE', 'MARK'))
)
SELECT
    'prices' AS dataset, file_id, source_line, contract_id, price::VARCHAR AS value, 'a move' AS limit_value
FROM moves
WHERE price = prev_price
    AND EXISTS (
        FROM moves AS peer
        WHERE peer.index_id = moves.index_id AND peer.is_index <> moves.is_index AND peer.price <> peer.prev_price
    )
