-- positions of the accounts and the suspense line of the house sum to zero, contract by contract
SELECT contract_id AS place, sum(qty_close)::VARCHAR AS found, '0' AS expected
FROM (
    SELECT contract_id, qty_close FROM book.position WHERE run_id = $run_id
    UNION ALL
    SELECT contract_id, qty_close FROM book.suspense WHERE run_id = $run_id
) AS lines
GROUP BY contract_id
HAVING sum(qty_close) <> 0
ORDER BY ALL
