-- What the predecessor hands on, one line of text per row: closing balances, closing positions, settlement prices,
-- certified slices of the volatility surface, the buffers of the underlyings, the triggers that stand
-- and the calls it issued. Calls are taken as issued: what happened to one since is a decision, not an opening.
SELECT concat_ws('|', 'balance', clearing_member_id, margin_account_id, asset, form, closing) AS line
FROM result.balance
WHERE run_id = $predecessor_run_id
UNION ALL
SELECT concat_ws('|', 'position', clearing_member_id, margin_account_id, client_id, contract_id, qty_close)
FROM book.position
WHERE run_id = $predecessor_run_id
UNION ALL
SELECT concat_ws('|', 'suspense', clearing_member_id, margin_account_id, client_id, contract_id, qty_close)
FROM book.suspense
WHERE run_id = $predecessor_run_id
UNION ALL
SELECT concat_ws('|', 'price', contract_id, settlement_price)
FROM result.mark
WHERE run_id = $predecessor_run_id
UNION ALL
SELECT concat_ws('|', 'surface', underlying, expiry_ts, years_to_expiry, svi_a, svi_b, svi_rho, svi_mu, svi_s)
FROM result.surface
WHERE run_id = $predecessor_run_id AND certified
UNION ALL
SELECT concat_ws('|', 'buffer', underlying, margin_rate, average_rate, charged_rate, buffer_fraction, state)
FROM result.apc_buffer
WHERE run_id = $predecessor_run_id
UNION ALL
SELECT concat_ws('|', 'trigger', trigger_name, subject, since_date)
FROM result.policy_trigger
WHERE run_id = $predecessor_run_id AND state IN ('FIRED', 'STANDS')
UNION ALL
SELECT concat_ws('|', 'call', call_id, call_version, call_amount_usd, due_asset, due_amount, due_ts)
FROM out.call_in_force
WHERE of_run_id = $predecessor_run_id
ORDER BY line;
