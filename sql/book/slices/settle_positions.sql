-- Positions to settle: those of the accounts, and on the house's SUSPENSE line what no account was given, a line per
-- listed contract. Fees of a suspended line are owed by whoever it turns out to be.
SELECT
    clearing_member_id, margin_account_id, client_id, contract_id, qty_open, qty_buy, qty_sell, qty_transfer,
    qty_exercise_assign, qty_expired, qty_close, buy_value, sell_value, premium_paid, fees
FROM book.position
WHERE run_id = $run_id
UNION ALL
SELECT
    'CCP', 'SUSPENSE', '', contract_id,
    sum(qty_open)::DECIMAL(28, 8), sum(qty_buy)::DECIMAL(28, 8), sum(qty_sell)::DECIMAL(28, 8),
    sum(qty_transfer)::DECIMAL(28, 8), sum(qty_exercise_assign)::DECIMAL(28, 8), sum(qty_expired)::DECIMAL(28, 8),
    sum(qty_close)::DECIMAL(28, 8), sum(buy_value)::DECIMAL(38, 12), sum(sell_value)::DECIMAL(38, 12),
    sum(premium_paid)::DECIMAL(38, 12), 0::DECIMAL(38, 12)
FROM book.suspense
SEMI JOIN (SELECT contract_id FROM book.contract WHERE run_id = $run_id) USING (contract_id)
WHERE run_id = $run_id
GROUP BY contract_id
ORDER BY clearing_member_id, margin_account_id, client_id, contract_id
