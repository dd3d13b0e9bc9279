-- OC01 · the matched book: per kind of contract and settlement asset both sides are the same, and nothing is made or
-- lost: exact sums are zero but for the last of 18 digits, rounded ones leave the residue that the house carries.
WITH held AS (
    SELECT
        c.kind, c.settle_asset, count(DISTINCT p.contract_id) AS contracts, count(*) AS positions,
        sum(greatest(p.qty_close, 0)) AS long_qty, sum(least(p.qty_close, 0)) AS short_qty,
        sum(p.qty_close) AS net_qty, sum(p.qty_buy) AS bought_qty, sum(p.qty_sell) AS sold_qty,
        coalesce(sum(p.qty_close) FILTER (p.suspended), 0) AS suspense_qty
    FROM (
        SELECT run_id, contract_id, qty_close, qty_buy, qty_sell, FALSE AS suspended FROM book.position
        UNION ALL
        SELECT run_id, contract_id, qty_close, qty_buy, qty_sell, TRUE FROM book.suspense
    ) AS p
    JOIN book.contract AS c ON c.run_id = p.run_id AND c.contract_id = p.contract_id
    WHERE p.run_id = $run_id
    GROUP BY ALL
),
settled AS (
    SELECT
        c.kind, c.settle_asset,
        coalesce(sum(r.unrounded_total) FILTER (r.movement_type = 'VM'), 0) AS variation_margin_exact,
        coalesce(sum(r.rounded_total) FILTER (r.movement_type = 'VM'), 0) AS variation_margin_residue,
        coalesce(sum(r.unrounded_total) FILTER (r.movement_type = 'FUNDING'), 0) AS funding_exact,
        coalesce(sum(r.rounded_total) FILTER (r.movement_type = 'FUNDING'), 0) AS funding_residue
    FROM result.settlement_rounding AS r
    JOIN book.contract AS c ON c.run_id = r.run_id AND c.contract_id = r.contract_id
    WHERE r.run_id = $run_id
    GROUP BY ALL
),
posted AS (
    SELECT
        c.kind, c.settle_asset, coalesce(sum(v.variation_margin), 0) AS variation_margin_posted,
        coalesce(sum(v.funding), 0) AS funding_posted
    FROM result.variation AS v
    JOIN book.contract AS c ON c.run_id = v.run_id AND c.contract_id = v.contract_id
    WHERE v.run_id = $run_id
    GROUP BY ALL
)
SELECT
    *,
    net_qty = 0
    AND round(coalesce(variation_margin_exact, 0), 12) = 0
    AND round(coalesce(funding_exact, 0), 12) = 0
    AND coalesce(variation_margin_residue, 0) = coalesce(variation_margin_posted, 0)
    AND coalesce(funding_residue, 0) = coalesce(funding_posted, 0) AS agrees
FROM held
LEFT JOIN settled USING (kind, settle_asset)
LEFT JOIN posted USING (kind, settle_asset)
ORDER BY kind, settle_asset;
