-- What was traded of an underlying in a day, over its futures and perpetuals; none where nothing is delivered.
WITH contract_volume AS (
    SELECT p.contract_id, max(p.volume_24h_usd) AS volume_usd
    FROM book.price AS p
    WHERE p.run_id = $run_id
    GROUP BY p.contract_id
)
SELECT c.underlying_asset AS underlying, sum(v.volume_usd) AS volume_usd
FROM contract_volume AS v
JOIN book.contract AS c ON c.run_id = $run_id AND c.contract_id = v.contract_id
WHERE c.kind IN ('FUT', 'PERP') AND v.volume_usd > 0
GROUP BY c.underlying_asset
ORDER BY ALL
