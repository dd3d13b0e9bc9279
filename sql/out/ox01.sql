-- OX01 · what the figures of a run do not rest on as they should: findings, held accounts, fallbacks,
-- overrides and decisions in force.
WITH shown AS (
    SELECT
        'FINDING' AS row_type, code, severity, clearing_member_id, margin_account_id, '' AS client_id,
        contract_id AS item, dataset, file_id, source_line, value, limit_value, NULL::DECIMAL(20, 2) AS amount_usd,
        meaning AS reason, '' AS requested_by, '' AS approved_by, NULL::DATE AS first_date, NULL::DATE AS last_date,
        NULL::DATE AS review_date
    FROM control.finding
    WHERE run_id = $run_id AND severity <> 'info'
    UNION ALL
    SELECT
        'HELD', 'HELD', '', clearing_member_id, margin_account_id, '', '', '', '', 0, quality_flags, '',
        total_initial_margin_usd, 'the account is margined conservatively until its data are corrected', '', '', NULL,
        NULL, NULL
    FROM result.margin_account
    WHERE run_id = $run_id AND status = 'HELD'
    UNION ALL
    SELECT
        'FALLBACK', quality, '', '', '', '', contract_id, 'prices', '', 0, settlement_price::VARCHAR, '', NULL,
        'mark: ' || method || coalesce(', source ' || source, ''), '', '', NULL, NULL, NULL
    FROM result.mark
    WHERE run_id = $run_id AND quality <> 'OK'
    UNION ALL
    SELECT
        'FALLBACK', quality, '', '', '', '', asset, 'prices', '', 0, price_usd::VARCHAR, '', NULL,
        'price of an asset: source ' || lowest_source, '', '', NULL, NULL, NULL
    FROM result.asset_price
    WHERE run_id = $run_id AND quality <> 'OK'
    UNION ALL
    SELECT
        'FALLBACK', CASE WHEN certified THEN method ELSE 'SURFACE_UNCERTIFIED' END, '', '', '', '',
        underlying || ' ' || strftime(expiry_ts, '%Y-%m-%d'), 'vol_quotes', '', 0, '', '', NULL,
        'volatility surface of an expiry', '', '', NULL, NULL, NULL
    FROM result.surface
    WHERE run_id = $run_id AND (method <> 'SVI' OR NOT certified)
    UNION ALL
    SELECT
        'FALLBACK', measure || '_' || quality, '', '', '', '', underlying, 'book_depth', '', 0, '', '', NULL,
        'a declared figure in the cost of closing out', '', '', NULL, NULL, NULL
    FROM result.liquidity
    UNPIVOT (
        quality FOR measure IN (volume_quality AS 'VOLUME', spread_quality AS 'DEPTH', vega_quality AS 'VEGA')
    )
    WHERE run_id = $run_id AND quality <> 'OK'
    UNION ALL
    SELECT DISTINCT
        'FALLBACK', 'FUNDING_PROXY', '', '', '', '', contract_id, 'funding', '', 0, '', '',
        NULL::DECIMAL(20, 2), 'funding at the declared reference rate', '', '', NULL::DATE, NULL::DATE, NULL::DATE
    FROM result.variation
    WHERE run_id = $run_id AND funding_quality = 'PROXY'
    UNION ALL
    SELECT
        'OVERRIDE', override_id, '', clearing_member_id, margin_account_id, client_id, '', '', '', 0, '', '',
        amount_usd, reason, requested_by, approved_by, first_date, last_date, review_date
    FROM result.override
    WHERE run_id = $run_id
    UNION ALL
    SELECT
        'DECISION', kind, '', clearing_member_id, margin_account_id, '', contract_id, '', '', 0,
        coalesce(price::VARCHAR, quantity::VARCHAR, status), '', NULL, reason, requested_by, approved_by, NULL,
        NULL, NULL
    FROM book.decision
    WHERE run_id = $run_id
)
SELECT *
FROM shown
ORDER BY ALL;
