-- MT01 · collateral by asset: quantity x price x (1 - haircut), rounded down, less what the tiers take off, and what of
-- it counts within the caps.
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
    c.counted_value_usd,
    c.tier_cut_usd,
    c.own_margin_usd,
    CASE WHEN c.quantity < 0 THEN p.highest_source ELSE p.lowest_source END AS price_source,
    p.sources AS price_sources
FROM result.collateral AS c
LEFT JOIN result.balance AS b
    ON b.run_id = c.run_id
    AND b.clearing_member_id = c.clearing_member_id
    AND b.margin_account_id = c.margin_account_id
    AND b.asset = c.asset
LEFT JOIN result.asset_price AS p ON p.run_id = c.run_id AND p.asset = c.asset
WHERE c.run_id = $run_id
ORDER BY c.clearing_member_id, c.margin_account_id, c.asset;
