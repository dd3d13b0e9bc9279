-- 6.6.1, 6.7.1 · variation margin paid in on a day by settlement asset, native: of each account what it pays net.
WITH net AS (
    SELECT clearing_member_id, margin_account_id, settle_asset, sum(variation_margin) AS amount
    FROM result.variation
    WHERE run_id = $run_id AND clearing_member_id <> 'CCP'
    GROUP BY clearing_member_id, margin_account_id, settle_asset
)
SELECT net.settle_asset, -sum(least(net.amount, 0)) AS paid, any_value(p.price_usd) AS price_usd
FROM net
LEFT JOIN result.asset_price AS p ON p.run_id = $run_id AND p.asset = net.settle_asset
GROUP BY net.settle_asset
ORDER BY net.settle_asset;
