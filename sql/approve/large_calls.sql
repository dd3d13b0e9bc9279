-- Calls of the run above the amount that nobody may issue alone, largest first.
SELECT clearing_member_id, margin_account_id, margin_call_amount_usd
FROM result.margin_account
WHERE run_id = $run_id AND margin_call_amount_usd > $approval_above_usd::DECIMAL(20, 2)
ORDER BY margin_call_amount_usd DESC, clearing_member_id, margin_account_id
