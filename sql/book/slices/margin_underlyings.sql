-- Underlyings of the contracts that trade, and whether anybody holds one: the scenario sets cover both.
SELECT
    c.underlying_asset AS underlying,
    bool_or(p.contract_id IS NOT NULL AND m.final_price IS NULL AND c.status <> 'SETTLED') AS held
FROM book.contract AS c
LEFT JOIN (
    SELECT run_id, contract_id, qty_close FROM book.position
    UNION ALL
    SELECT run_id, contract_id, qty_close FROM book.suspense
) AS p
    ON p.run_id = c.run_id AND p.contract_id = c.contract_id AND p.qty_close <> 0
LEFT JOIN result.mark AS m
    ON m.run_id = c.run_id AND m.contract_id = c.contract_id
WHERE c.run_id = $run_id AND (c.status = 'ACTIVE' OR p.contract_id IS NOT NULL)
GROUP BY c.underlying_asset
ORDER BY ALL
