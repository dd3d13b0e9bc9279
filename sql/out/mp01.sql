-- MP01 · positions: what was held, traded and settled, at which price, and what it is worth.
SELECT
    p.clearing_member_id,
    p.margin_account_id,
    p.client_id,
    p.contract_id,
    c.kind,
    c.payoff,
    c.underlying_asset,
    c.multiplier,
    p.qty_open,
    p.qty_buy,
    p.qty_sell,
    p.qty_transfer,
    p.qty_exercise_assign,
    p.qty_expired,
    p.qty_close,
    p.buy_value,
    p.sell_value,
    k.prev_settlement_price,
    k.settlement_price,
    k.final_price,
    v.settle_asset,
    v.variation_margin,
    v.funding,
    v.premium,
    v.fees,
    v.settlement,
    k.settle_asset_price AS settle_asset_price_usd,
    s.option_value_usd,
    s.delta,
    s.gamma,
    s.vega_usd,
    k.implied_volatility,
    k.index_price AS index_price_usd,
    k.forward_price,
    k.method AS mark_method,
    k.quality AS mark_quality,
    k.source AS mark_source,
    k.obs_ts AS mark_obs_ts,
    k.age_seconds AS mark_age_seconds,
    v.funding_quality,
    p.position_as_of_ts
FROM book.position AS p
LEFT JOIN book.contract AS c ON c.run_id = p.run_id AND c.contract_id = p.contract_id
LEFT JOIN result.mark AS k ON k.run_id = p.run_id AND k.contract_id = p.contract_id
LEFT JOIN result.variation AS v
    ON v.run_id = p.run_id
    AND v.clearing_member_id = p.clearing_member_id
    AND v.margin_account_id = p.margin_account_id
    AND v.client_id = p.client_id
    AND v.contract_id = p.contract_id
LEFT JOIN result.position_risk AS s
    ON s.run_id = p.run_id
    AND s.clearing_member_id = p.clearing_member_id
    AND s.margin_account_id = p.margin_account_id
    AND s.client_id = p.client_id
    AND s.contract_id = p.contract_id
WHERE p.run_id = $run_id
ORDER BY p.clearing_member_id, p.margin_account_id, p.client_id, p.contract_id;
