-- Open positions with the terms and marks of their contracts; what is missing stays empty for the model to refuse.
-- A contract whose final price is fixed, or that is settled, moves with no scenario any more. A suspended line is a
-- portfolio of its own in the account that answers for it, so that it is set off against nothing.
WITH held AS (
    SELECT
        run_id, clearing_member_id, margin_account_id,
        CASE WHEN account_type = 'CLIENT_GROSS' THEN client_id ELSE '' END AS client_id, contract_id, qty_close
    FROM book.position
    UNION ALL
    SELECT
        run_id, clearing_member_id, charged_account_id,
        'SUSPENSE' || row_number() OVER (
            PARTITION BY run_id, clearing_member_id, charged_account_id
            ORDER BY contract_id, margin_account_id, client_id, file_id, source_line
        ),
        contract_id, qty_close
    FROM book.suspense
    SEMI JOIN book.contract USING (run_id, contract_id)
    WHERE charged_account_id <> ''
)
SELECT
    p.clearing_member_id,
    p.margin_account_id,
    p.client_id,
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
FROM held AS p
LEFT JOIN book.contract AS c
    ON c.run_id = p.run_id AND c.contract_id = p.contract_id
LEFT JOIN result.mark AS m
    ON m.run_id = p.run_id AND m.contract_id = p.contract_id
WHERE p.run_id = $run_id AND p.qty_close <> 0
ORDER BY ALL
