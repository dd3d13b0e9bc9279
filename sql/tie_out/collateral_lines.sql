-- collateral lines of an account sum to its collateral, before and after haircut and as counted
WITH line AS (
    SELECT
        clearing_member_id, margin_account_id, sum(market_value_usd) AS market_value,
        sum(post_haircut_value_usd) AS post_haircut_value, sum(counted_value_usd) AS counted_value
    FROM result.collateral
    WHERE run_id = $run_id
    GROUP BY ALL
),
account AS (
    SELECT * FROM result.margin_account WHERE run_id = $run_id
)
SELECT
    margin_account_id AS place,
    concat_ws(
        ' / ', collateral_market_value_usd, collateral_post_haircut_value_usd, collateral_counted_value_usd
    ) AS found,
    concat_ws(' / ', coalesce(market_value, 0), coalesce(post_haircut_value, 0), coalesce(counted_value, 0)) AS expected
FROM account
FULL JOIN line USING (clearing_member_id, margin_account_id)
WHERE
    collateral_market_value_usd IS DISTINCT FROM coalesce(market_value, 0)
    OR collateral_post_haircut_value_usd IS DISTINCT FROM coalesce(post_haircut_value, 0)
    OR collateral_counted_value_usd IS DISTINCT FROM coalesce(counted_value, 0)
ORDER BY ALL
