-- critical · book · F61 · a contract that expired in the cycle has a final price
-- Do: deliver the FINAL price of the contract.
SELECT DISTINCT
    'prices' AS dataset, contract_id, 'no FINAL price' AS value, concat_ws(' ', status, expiry_ts) AS limit_value
FROM book.position AS position
JOIN book.contract AS contract USING (run_id, contract_id)
ANTI JOIN (
    SELECT contract_id
    FROM book.price
    WHERE run_id = $run_id AND price_type = 'FINAL' AND price IS NOT NULL
) USING (contract_id)
WHERE
    run_id = $run_id AND (status IN ('EXPIRED_UNSETTLED', 'SETTLED') OR expiry_ts <= $as_of_ts)
    AND (
        qty_open <> 0 OR qty_close <> 0 OR qty_buy <> 0 OR qty_sell <> 0 OR qty_transfer <> 0
        OR qty_exercise_assign <> 0 OR qty_expired <> 0
    )
