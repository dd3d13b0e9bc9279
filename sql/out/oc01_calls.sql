-- OC01 · what the call ledger asks for in all.
SELECT coalesce(sum(call_amount_usd), 0) AS call_amount_usd
FROM control.margin_call
WHERE run_id = $run_id AND state NOT IN ('SUPERSEDED', 'WITHDRAWN');
