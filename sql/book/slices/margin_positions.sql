-- Open positions with the terms and marks of their contracts; what is missing stays empty for the model to refuse.
-- A contract whose final price is fixed, or that is settled, moves with no scenario any more.
SELECT
    p.clearing_member_id,
    p.margin_account_id,
    CASE WHEN p.account_type = 'CLIENT_GROSS' THEN p.client_id ELSE '' END AS client_id,
    p.contract_id,
    p.qty_close AS quantity,
    c.kind,
    c.payoff,
    c.underlying_asset AS underlying,
    c.multiplier,
    c.strike,
    c.option_type,
    c.expiry_ts,
    coalesce(m.final_price IS NOT NULL OR c.status = 'SETTLED', FALSE) AS expired,
    c.settle_asset,
    m.settlement_price,
    m.index_price,
    m.forward_price,
    m.implied_volatility,
    m.settle_asset_price,
    m.mark_uncertainty_usd
FROM book.position AS p
LEFT JOIN book.contract AS c
    ON c.run_id = p.run_id AND c.contract_id = p.contract_id
LEFT JOIN result.mark AS m
    ON m.run_id = p.run_id AND m.contract_id = p.contract_id
WHERE p.run_id = $run_id AND p.qty_close <> 0
ORDER BY ALL
