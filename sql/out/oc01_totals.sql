-- OC01 · totals of a run, one figure per line, USD where no asset is named; the same for a run and its predecessor.
WITH account AS (
    SELECT
        sum(initial_margin_usd) AS initial_margin_usd,
        sum(net_option_value_usd) AS net_option_value_usd,
        sum(total_initial_margin_usd) AS total_initial_margin_usd,
        sum(collateral_market_value_usd) AS collateral_market_value_usd,
        sum(collateral_post_haircut_value_usd) AS collateral_post_haircut_value_usd,
        sum(outstanding_calls_usd) AS outstanding_calls_usd,
        sum(excess_amount_usd) AS excess_amount_usd,
        sum(deficit_amount_usd) AS deficit_amount_usd,
        sum(margin_call_amount_usd) AS margin_call_amount_usd
    FROM result.margin_account
    WHERE run_id = $run_id
),
figure AS (
    SELECT name AS figure, '' AS asset, total::VARCHAR AS amount FROM account UNPIVOT (total FOR name IN (*))
    UNION ALL
    SELECT 'accounts', '', count(*)::VARCHAR
    FROM result.margin_account WHERE run_id = $run_id
    UNION ALL
    SELECT 'accounts_called', '', count(*)::VARCHAR
    FROM result.margin_account WHERE run_id = $run_id AND margin_call_amount_usd > 0
    UNION ALL
    SELECT 'variation_margin_received', settle_asset, sum(greatest(variation_margin, 0))::VARCHAR
    FROM result.variation WHERE run_id = $run_id GROUP BY settle_asset
    UNION ALL
    SELECT 'variation_margin_paid', settle_asset, sum(least(variation_margin, 0))::VARCHAR
    FROM result.variation WHERE run_id = $run_id GROUP BY settle_asset
    UNION ALL
    SELECT 'funding_received', settle_asset, sum(greatest(funding, 0))::VARCHAR
    FROM result.variation WHERE run_id = $run_id GROUP BY settle_asset
    UNION ALL
    SELECT 'collateral_quantity', asset, sum(closing)::VARCHAR
    FROM result.balance WHERE run_id = $run_id GROUP BY asset
)
SELECT figure, asset, amount FROM figure ORDER BY figure, asset;
