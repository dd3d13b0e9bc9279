-- PT01 · what a review of the margin policy starts from: risk of each underlying and of the house, and every trigger.
WITH risk AS (
    UNPIVOT (SELECT * FROM result.risk_level WHERE run_id = $run_id)
    ON volatility, fast_volatility, value_at_risk, expected_shortfall, margin_rate, last_loss
    INTO NAME item VALUE level
)
SELECT
    'TRIGGER' AS row_type, subject, trigger_name AS item, kind, unit, level, fires_above, ends_below, state, since_date,
    numbers, action
FROM result.policy_trigger
WHERE run_id = $run_id
UNION ALL
SELECT
    'RISK', subject, item, '', if(contains(item, 'volatility'), 'fraction per sqrt(day)', 'fraction of notional'), level,
    NULL, NULL, '', NULL, '', ''
FROM risk
ORDER BY ALL
