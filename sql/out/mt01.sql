-- MT01 · collateral by asset: quantity x price x (1 - haircut), rounded down, and what of it counts within the caps.
SELECT
    c.clearing_member_id,
    c.margin_account_id,
    c.asset,
    b.form,
    c.quantity,
    c.price_usd,
    p.quality AS price_quality,
    p.obs_ts AS price_obs_ts,
    c.haircut_fraction,
    c.market_value_usd,
    c.post_haircut_value_usd,
    c.rule_id,
    b.pending_in,
    b.pending_out,
    c.counted_value_usd
FROM result.collateral AS c
LEFT JOIN result.balance AS b
    ON b.run_id = c.run_id
    AND b.clearing_member_id = c.clearing_member_id
    AND b.margin_account_id = c.margin_account_id
    AND b.asset = c.asset
LEFT JOIN result.asset_price AS p ON p.run_id = c.run_id AND p.asset = c.asset
WHERE c.run_id = $run_id
ORDER BY c.clearing_member_id, c.margin_account_id, c.asset;
