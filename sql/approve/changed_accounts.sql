-- Accounts whose figures are not those that are out, with both; an account on one side only has none on the other.
WITH figures AS (
    SELECT
        run_id, clearing_member_id, margin_account_id, status, total_initial_margin_usd, collateral_counted_value_usd,
        excess_amount_usd, deficit_amount_usd, margin_call_amount_usd
    FROM result.margin_account
),
was AS (SELECT * EXCLUDE (run_id) FROM figures WHERE run_id = $superseded_run_id),
becomes AS (SELECT * EXCLUDE (run_id) FROM figures WHERE run_id = $run_id),
changed AS (
    SELECT 'was' AS side, * FROM (FROM was EXCEPT FROM becomes)
    UNION ALL
    SELECT 'becomes', * FROM (FROM becomes EXCEPT FROM was)
)
SELECT *
FROM changed
ORDER BY clearing_member_id, margin_account_id, side DESC
