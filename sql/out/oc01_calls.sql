-- OC01 · what the call ledger asks for in all.
SELECT coalesce(sum(call_amount_usd), 0) AS call_amount_usd
FROM out.call_in_force
WHERE of_run_id = $run_id;
