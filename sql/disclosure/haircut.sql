-- 5.3 · haircut in force on a day and price of each asset with one.
SELECT h.asset, h.haircut_fraction, p.price_usd
FROM result.haircut AS h
LEFT JOIN result.asset_price AS p ON p.run_id = h.run_id AND p.asset = h.asset
WHERE h.run_id = $run_id
ORDER BY h.asset;
