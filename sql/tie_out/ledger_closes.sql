-- per asset and movement type the ledger sums to zero over accounts and house
SELECT concat_ws(' ', asset, movement_type) AS place, sum(amount)::VARCHAR AS found, '0' AS expected
FROM result.ledger
WHERE run_id = $run_id
GROUP BY asset, movement_type
HAVING sum(amount) <> 0
ORDER BY ALL
