-- margin figures of an account are the sums of its portfolios
WITH portfolio AS (
    SELECT
        clearing_member_id, margin_account_id,
        sum(initial_margin_usd) AS initial_margin, sum(net_option_value_usd) AS net_option_value,
        sum(total_initial_margin_usd) AS total_initial_margin, sum(maintenance_margin_usd) AS maintenance_margin,
        sum(total_maintenance_margin_usd) AS total_maintenance_margin
    FROM result.portfolio
    WHERE run_id = $run_id
    GROUP BY ALL
),
account AS (
    SELECT
        clearing_member_id, margin_account_id,
        initial_margin_usd::DECIMAL(38, 2) AS initial_margin, net_option_value_usd::DECIMAL(38, 2) AS net_option_value,
        total_initial_margin_usd::DECIMAL(38, 2) AS total_initial_margin,
        maintenance_margin_usd::DECIMAL(38, 2) AS maintenance_margin,
        total_maintenance_margin_usd::DECIMAL(38, 2) AS total_maintenance_margin
    FROM result.margin_account
    WHERE run_id = $run_id
),
summed AS (
    UNPIVOT portfolio ON * EXCLUDE (clearing_member_id, margin_account_id) INTO NAME figure VALUE amount
),
stated AS (
    UNPIVOT account ON * EXCLUDE (clearing_member_id, margin_account_id) INTO NAME figure VALUE amount
)
SELECT
    concat_ws(' ', margin_account_id, figure) AS place, stated.amount::VARCHAR AS found,
    summed.amount::VARCHAR AS expected
FROM stated
FULL JOIN summed USING (clearing_member_id, margin_account_id, figure)
WHERE stated.amount IS DISTINCT FROM summed.amount
ORDER BY ALL
