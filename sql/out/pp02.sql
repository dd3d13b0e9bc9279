-- PP02 · the mark of every contract in use and why that number was taken.
SELECT
    contract_id, c.kind, c.underlying_asset, m.settlement_price, m.prev_settlement_price, m.final_price, m.index_price,
    m.forward_price, m.implied_volatility, c.settle_asset, m.settle_asset_price, m.method, m.quality, m.source,
    m.obs_ts, m.age_seconds, m.mark_uncertainty_usd
FROM result.mark AS m
JOIN book.contract AS c USING (run_id, contract_id)
WHERE run_id = $run_id
ORDER BY contract_id;
