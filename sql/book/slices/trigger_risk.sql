-- Expected shortfall of every portfolio by product group, and of the whole.
SELECT underlying, clearing_member_id, margin_account_id, client_id, filtered_es_usd
FROM result.portfolio_risk
WHERE run_id = $run_id
ORDER BY ALL
