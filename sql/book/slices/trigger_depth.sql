-- What stands on the thinner side of each order book of futures and perpetuals near its middle, now and the cycle before.
WITH middle AS (
    SELECT
        run_id, contract_id,
        (max(price) FILTER (side = 'BID') + min(price) FILTER (side = 'ASK')) / 2 AS middle
    FROM book.depth
    WHERE run_id IN ($run_id, $predecessor_run_id) AND size > 0
    GROUP BY run_id, contract_id
),
side AS (
    SELECT d.run_id, d.contract_id, d.size_unit, d.side, sum(d.size) AS size
    FROM book.depth AS d
    JOIN middle AS m ON m.run_id = d.run_id AND m.contract_id = d.contract_id
    WHERE abs(d.price - m.middle) <= $near_fraction * m.middle
    GROUP BY ALL
),
thinner AS (
    SELECT run_id, contract_id, size_unit, min(size) AS size
    FROM side
    GROUP BY ALL
    HAVING count(*) = 2 AND min(size) > 0
)
SELECT c.underlying_asset AS underlying, n.contract_id, n.size, b.size AS size_before
FROM thinner AS n
JOIN thinner AS b ON b.contract_id = n.contract_id AND b.size_unit = n.size_unit AND b.run_id = $predecessor_run_id
JOIN book.contract AS c ON c.run_id = n.run_id AND c.contract_id = n.contract_id
WHERE n.run_id = $run_id AND c.kind IN ('FUT', 'PERP')
ORDER BY ALL
