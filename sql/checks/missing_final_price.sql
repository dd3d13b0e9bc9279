-- critical · book · F61 · a contract that expired in the cycle has a final price
-- Do: deliver the FINAL price of the contract.
SELECT DISTINCT
    'prices' AS dataset, contract_id, 'no FINAL price' AS value, 'expired ' || expiry_ts AS limit_value
FROM book.position AS position
JOIN book.contract AS contract USING (run_id, contract_id)
ANTI JOIN (
    SELECT contract_id
    FROM book.price
    WHERE run_id = $run_id AND price_type = 'FINAL' AND price IS NOT NULL
) USING (contract_id)
WHERE run_id = $run_id AND expiry_ts <= $as_of_ts AND (qty_open <> 0 OR qty_close <> 0 OR buy_value + sell_value <> 0)
