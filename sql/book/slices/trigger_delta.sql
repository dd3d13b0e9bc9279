-- Delta of every open position and the index of its underlying.
SELECT
    c.underlying_asset AS underlying,
    r.clearing_member_id,
    r.margin_account_id,
    r.client_id,
    r.contract_id,
    r.delta,
    m.index_price
FROM result.position_risk AS r
JOIN book.contract AS c ON c.run_id = r.run_id AND c.contract_id = r.contract_id
JOIN result.mark AS m ON m.run_id = r.run_id AND m.contract_id = r.contract_id
WHERE r.run_id = $run_id AND r.delta <> 0
ORDER BY ALL
