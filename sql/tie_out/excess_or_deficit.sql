-- an account has an excess or a deficit, never both, neither below zero
SELECT
    margin_account_id AS place, concat_ws(' / ', excess_amount_usd, deficit_amount_usd) AS found,
    'one of them 0' AS expected
FROM result.margin_account
WHERE
    run_id = $run_id
    AND (excess_amount_usd < 0 OR deficit_amount_usd < 0 OR (excess_amount_usd <> 0 AND deficit_amount_usd <> 0))
ORDER BY ALL
