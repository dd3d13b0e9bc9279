-- Terms and marks of every contract of the run, held or not, in the columns of margin_positions.
SELECT
    c.contract_id,
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
FROM book.contract AS c
LEFT JOIN result.mark AS m
    ON m.run_id = c.run_id AND m.contract_id = c.contract_id
WHERE c.run_id = $run_id
ORDER BY ALL
