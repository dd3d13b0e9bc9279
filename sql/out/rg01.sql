-- RG01 · the day for the authorities, by member, account and its kind: margin (MARGIN, by client CLIENT_MARGIN) and
-- collateral, cash flows by asset and movement, positions with their value and sensitivities. Of the house itself nothing.
WITH party AS (
    SELECT a.clearing_member_id, a.margin_account_id, a.account_type, coalesce(m.lei, '') AS lei
    FROM book.account AS a
    LEFT JOIN book.member AS m ON m.run_id = a.run_id AND m.clearing_member_id = a.clearing_member_id
    WHERE a.run_id = $run_id
),
margin AS (
    SELECT
        clearing_member_id, margin_account_id, initial_margin_usd, net_option_value_usd, total_initial_margin_usd,
        maintenance_margin_usd, collateral_market_value_usd, collateral_post_haircut_value_usd,
        collateral_counted_value_usd, excess_amount_usd, deficit_amount_usd, outstanding_calls_usd,
        margin_call_amount_usd
    FROM result.margin_account
    WHERE run_id = $run_id
),
price AS (
    SELECT asset, price_usd FROM result.asset_price WHERE run_id = $run_id
),
line AS (
    SELECT
        'MARGIN' AS row_type, clearing_member_id, margin_account_id, '' AS client_id,
        upper(replace(name, '_usd', '')) AS item, '' AS asset, NULL::DECIMAL(38, 18) AS amount,
        NULL::DECIMAL(28, 10) AS price_usd, NULL::DECIMAL(9, 6) AS haircut_fraction, amount_usd,
        NULL::DECIMAL(20, 2) AS post_haircut_value_usd
    FROM margin
    UNPIVOT (amount_usd FOR name IN (COLUMNS(* EXCLUDE (clearing_member_id, margin_account_id))))
    UNION ALL
    SELECT
        'CLIENT_MARGIN', clearing_member_id, margin_account_id, client_id, 'TOTAL_INITIAL_MARGIN', '', NULL, NULL, NULL,
        total_initial_margin_usd, NULL
    FROM result.portfolio
    WHERE run_id = $run_id AND client_id <> ''
    UNION ALL
    SELECT
        'COLLATERAL', clearing_member_id, margin_account_id, '', 'HELD', asset, quantity, price_usd, haircut_fraction,
        market_value_usd, post_haircut_value_usd
    FROM result.collateral
    WHERE run_id = $run_id
    UNION ALL
    SELECT
        'CASH_FLOW', clearing_member_id, margin_account_id, '', movement_type, l.asset, sum(amount),
        any_value(price.price_usd), NULL, NULL, NULL
    FROM result.ledger AS l
    LEFT JOIN price ON price.asset = l.asset
    WHERE run_id = $run_id AND movement_type <> 'OPEN' AND clearing_member_id <> 'CCP'
    GROUP BY clearing_member_id, margin_account_id, movement_type, l.asset
)
SELECT
    line.row_type, line.clearing_member_id, party.lei, line.margin_account_id, party.account_type, line.client_id,
    line.item, line.asset, line.amount, line.price_usd, line.haircut_fraction, line.amount_usd,
    line.post_haircut_value_usd, '' AS underlying_asset, NULL::DECIMAL(28, 12) AS multiplier,
    NULL::DECIMAL(28, 8) AS qty_open, NULL::DECIMAL(28, 8) AS qty_close, NULL::DECIMAL(28, 10) AS settlement_price,
    NULL::DECIMAL(38, 8) AS variation_margin, NULL::DECIMAL(20, 2) AS option_value_usd, NULL::DOUBLE AS delta,
    NULL::DOUBLE AS gamma, NULL::DOUBLE AS vega_usd
FROM line
LEFT JOIN party
    ON party.clearing_member_id = line.clearing_member_id AND party.margin_account_id = line.margin_account_id
UNION ALL
SELECT
    'POSITION', p.clearing_member_id, party.lei, p.margin_account_id, party.account_type, p.client_id, p.contract_id,
    v.settle_asset, NULL, price.price_usd, NULL, NULL, NULL, c.underlying_asset, c.multiplier, p.qty_open, p.qty_close,
    k.settlement_price, v.variation_margin, s.option_value_usd, s.delta, s.gamma, s.vega_usd
FROM book.position AS p
LEFT JOIN party
    ON party.clearing_member_id = p.clearing_member_id AND party.margin_account_id = p.margin_account_id
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
LEFT JOIN price ON price.asset = v.settle_asset
WHERE p.run_id = $run_id AND p.clearing_member_id <> 'CCP'
ORDER BY ALL;
