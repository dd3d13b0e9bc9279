-- What stands on the thinner side of each order book of futures and perpetuals near its middle, now and the cycle before,
-- of every contract that is listed still and not expired. Empty where there is no book, or none of two sides.
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
SELECT c.underlying_asset AS underlying, c.contract_id, n.size, b.size AS size_before
FROM book.contract AS c
JOIN control.cycle_run AS r ON r.run_id = c.run_id
LEFT JOIN thinner AS b ON b.contract_id = c.contract_id AND b.run_id = $predecessor_run_id
LEFT JOIN thinner AS n
    ON n.contract_id = c.contract_id AND n.run_id = $run_id AND (b.size_unit IS NULL OR n.size_unit = b.size_unit)
WHERE c.run_id = $run_id AND c.kind IN ('FUT', 'PERP') AND (c.expiry_ts IS NULL OR c.expiry_ts > r.as_of_ts)
ORDER BY ALL
