-- MR01 · requirement: LINE rows sum to a portfolio's initial margin, PORTFOLIO rows are its figures, RISK rows inform;
-- LIQUIDATION rows are an account's close-out prices by underlying, OVERRIDE rows what stands behind its override lines.
WITH shown AS (
    SELECT
        clearing_member_id, margin_account_id, 'LINE' AS row_type, client_id, line_no, component AS item,
        '' AS product_group, amount_usd, NULL::DOUBLE AS risk_usd, rule_id, policy_hash, worst_scenario_id,
        binding_component, '' AS reason, '' AS approved_by, NULL::DATE AS last_date, NULL::DATE AS review_date
    FROM result.requirement
    WHERE run_id = $run_id
    UNION ALL
    SELECT
        p.clearing_member_id, p.margin_account_id, 'PORTFOLIO', p.client_id, f.line_no, f.item, '',
        CASE f.item
            WHEN 'INITIAL_MARGIN' THEN p.initial_margin_usd
            WHEN 'NET_OPTION_VALUE' THEN p.net_option_value_usd
            WHEN 'TOTAL_INITIAL_MARGIN' THEN p.total_initial_margin_usd
            WHEN 'MAINTENANCE_MARGIN' THEN p.maintenance_margin_usd
            WHEN 'TOTAL_MAINTENANCE_MARGIN' THEN p.total_maintenance_margin_usd
            ELSE p.initial_margin_without_override_usd
        END,
        NULL,
        CASE
            WHEN f.item <> 'MAINTENANCE_MARGIN' THEN ''
            WHEN p.maintenance_binding_component = 'BRACKET' THEN 'brackets.maintenance_fraction'
            ELSE 'maintenance.fraction'
        END,
        c.policy_hash, '', CASE WHEN f.item = 'MAINTENANCE_MARGIN' THEN p.maintenance_binding_component ELSE '' END,
        '', '', NULL, NULL
    FROM result.portfolio AS p
    JOIN control.cycle_run AS c ON c.run_id = p.run_id
    CROSS JOIN (
        VALUES (1, 'INITIAL_MARGIN'), (2, 'NET_OPTION_VALUE'), (3, 'TOTAL_INITIAL_MARGIN'),
               (4, 'MAINTENANCE_MARGIN'), (5, 'TOTAL_MAINTENANCE_MARGIN'), (6, 'INITIAL_MARGIN_WITHOUT_OVERRIDE')
    ) AS f (line_no, item)
    WHERE p.run_id = $run_id
    UNION ALL
    SELECT
        r.clearing_member_id, r.margin_account_id, 'RISK', r.client_id, f.line_no, f.item, r.underlying, NULL,
        CASE f.item
            WHEN 'FILTERED_ES' THEN r.filtered_es_usd
            WHEN 'STRESSED_ES' THEN r.stressed_es_usd
            WHEN 'BLENDED_ES' THEN r.blended_es_usd
            ELSE r.grid_loss_usd
        END,
        '', c.policy_hash,
        CASE f.item
            WHEN 'FILTERED_ES' THEN r.worst_filtered_scenario_id
            WHEN 'STRESSED_ES' THEN r.worst_stressed_scenario_id
            WHEN 'BLENDED_ES' THEN ''
            ELSE r.worst_grid_scenario_id
        END,
        '', '', '', NULL, NULL
    FROM result.portfolio_risk AS r
    JOIN control.cycle_run AS c ON c.run_id = r.run_id
    CROSS JOIN (
        VALUES (1, 'FILTERED_ES'), (2, 'STRESSED_ES'), (3, 'BLENDED_ES'), (4, 'GRID_LOSS')
    ) AS f (line_no, item)
    WHERE r.run_id = $run_id
    UNION ALL
    SELECT
        l.clearing_member_id, l.margin_account_id, 'LIQUIDATION', '', f.line_no, f.item, l.underlying, NULL,
        CASE f.item WHEN 'BELOW' THEN l.below_usd ELSE l.above_usd END, '', c.policy_hash, '', '', '', '', NULL, NULL
    FROM result.liquidation_price AS l
    JOIN control.cycle_run AS c ON c.run_id = l.run_id
    CROSS JOIN (VALUES (1, 'BELOW'), (2, 'ABOVE')) AS f (line_no, item)
    WHERE l.run_id = $run_id AND CASE f.item WHEN 'BELOW' THEN l.below_usd ELSE l.above_usd END IS NOT NULL
    UNION ALL
    SELECT
        o.clearing_member_id, o.margin_account_id, 'OVERRIDE', o.client_id, 12, o.override_id, '', o.amount_usd, NULL,
        'override.longest_days', c.policy_hash, '', 'OVERRIDE', o.reason, o.approved_by, o.last_date, o.review_date
    FROM result.override AS o
    JOIN control.cycle_run AS c ON c.run_id = o.run_id
    WHERE o.run_id = $run_id
)
SELECT * FROM shown
ORDER BY clearing_member_id, margin_account_id, row_type, client_id, product_group, line_no, item;
