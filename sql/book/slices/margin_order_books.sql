-- Best bid and ask of every future and perpetual with a delivered order book on both sides.
SELECT
    c.underlying_asset AS underlying,
    d.contract_id,
    max(d.price) FILTER (d.side = 'BID') AS bid,
    min(d.price) FILTER (d.side = 'ASK') AS ask
FROM book.depth AS d
JOIN book.contract AS c ON c.run_id = d.run_id AND c.contract_id = d.contract_id
WHERE d.run_id = $run_id AND d.size > 0 AND c.kind IN ('FUT', 'PERP')
GROUP BY c.underlying_asset, d.contract_id
HAVING count(*) FILTER (d.side = 'BID') > 0 AND count(*) FILTER (d.side = 'ASK') > 0
ORDER BY ALL
