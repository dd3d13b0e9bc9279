-- MS01, MC01 · one line per account: who it is, what it must cover, what is called from it.
WITH latest_call AS (
    SELECT *
    FROM out.call_in_force
    WHERE of_run_id = $run_id
    QUALIFY row_number() OVER (
        PARTITION BY clearing_member_id, margin_account_id ORDER BY call_version DESC, call_id
    ) = 1
)
SELECT
    a.clearing_member_id,
    a.margin_account_id,
    a.account_type,
    a.base_ccy,
    coalesce(r.collateral_mode, a.collateral_mode) AS collateral_mode,
    m.legal_name,
    m.lei,
    m.timezone,
    m.status AS member_status,
    r.initial_margin_usd,
    r.net_option_value_usd,
    r.total_initial_margin_usd,
    r.maintenance_margin_usd,
    r.total_maintenance_margin_usd,
    r.collateral_market_value_usd,
    r.collateral_post_haircut_value_usd,
    r.collateral_counted_value_usd,
    r.outstanding_calls_usd,
    r.excess_amount_usd,
    r.deficit_amount_usd,
    r.minimum_transfer_amount_usd,
    r.call_increment_usd,
    r.margin_call_amount_usd,
    r.other_mode_total_initial_margin_usd,
    r.other_mode_collateral_counted_value_usd,
    r.other_mode_margin_call_amount_usd,
    v.gross_delta_notional_usd,
    v.net_delta_notional_usd,
    v.equity_usd,
    v.effective_leverage,
    v.outright_leverage,
    r.status AS account_status,
    r.quality_flags,
    c.call_id,
    c.call_version,
    c.call_type,
    c.call_amount_usd,
    c.increment_amount_usd,
    c.due_asset,
    c.due_amount,
    c.due_haircut_fraction AS due_asset_haircut_fraction,
    coalesce(
        p.lowest_price_usd, CASE WHEN c.due_asset = 'USD' THEN 1 END
    )::DECIMAL(28, 10) AS due_asset_price_usd,
    c.calendar_id,
    c.issued_ts,
    c.due_ts,
    c.reason_code
FROM book.account AS a
LEFT JOIN book.member AS m ON m.run_id = a.run_id AND m.clearing_member_id = a.clearing_member_id
LEFT JOIN result.margin_account AS r
    ON r.run_id = a.run_id
    AND r.clearing_member_id = a.clearing_member_id
    AND r.margin_account_id = a.margin_account_id
LEFT JOIN result.leverage AS v
    ON v.run_id = a.run_id
    AND v.clearing_member_id = a.clearing_member_id
    AND v.margin_account_id = a.margin_account_id
LEFT JOIN latest_call AS c
    ON c.clearing_member_id = a.clearing_member_id AND c.margin_account_id = a.margin_account_id
LEFT JOIN result.asset_price AS p ON p.run_id = c.run_id AND p.asset = c.due_asset
WHERE a.run_id = $run_id AND (a.status <> 'CLOSED' OR r.run_id IS NOT NULL)
ORDER BY a.clearing_member_id, a.margin_account_id;
