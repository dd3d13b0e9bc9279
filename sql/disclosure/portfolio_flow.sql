-- 4.4, 6.5 · what a day's prices and trades brought each margin portfolio, native by settlement asset with its price:
-- variation margin, premium and payoffs; neither fees nor funding.
SELECT
    v.clearing_member_id, v.margin_account_id, v.client_id, v.settle_asset,
    sum(v.variation_margin + v.premium + v.settlement) AS amount, any_value(a.price_usd) AS price_usd
FROM result.variation AS v
LEFT JOIN result.asset_price AS a ON a.run_id = v.run_id AND a.asset = v.settle_asset
WHERE v.run_id = $run_id AND v.clearing_member_id <> 'CCP'
GROUP BY v.clearing_member_id, v.margin_account_id, v.client_id, v.settle_asset
ORDER BY v.clearing_member_id, v.margin_account_id, v.client_id, v.settle_asset;
