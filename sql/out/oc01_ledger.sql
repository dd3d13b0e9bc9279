-- OC01 · the ledger: what accounts and the house were credited, per asset and movement, sums to zero.
SELECT
    asset,
    movement_type,
    coalesce(sum(amount) FILTER (clearing_member_id <> 'CCP'), 0) AS accounts,
    coalesce(sum(amount) FILTER (clearing_member_id = 'CCP'), 0) AS house,
    sum(amount) AS total,
    sum(amount) = 0 AS agrees
FROM result.ledger
WHERE run_id = $run_id
GROUP BY ALL
ORDER BY asset, movement_type;
