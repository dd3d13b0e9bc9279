-- What the delivered lines of a contract add up to over all accounts, where that is not nothing.
SELECT
    position.contract_id,
    sum(qty_open)::DECIMAL(38, 12) AS opened,
    (sum(qty_buy) - sum(qty_sell))::DECIMAL(38, 12) AS traded,
    sum(qty_transfer)::DECIMAL(38, 12) AS transferred,
    sum(qty_exercise_assign)::DECIMAL(38, 12) AS exercised,
    sum(qty_expired)::DECIMAL(38, 12) AS expired,
    sum(qty_close)::DECIMAL(38, 12) AS closed,
    (sum(buy_value) - sum(sell_value))::DECIMAL(38, 12) AS value,
    sum(premium_paid)::DECIMAL(38, 12) AS premium,
    position.contract_id IN (SELECT contract_id FROM book.contract WHERE run_id = $run_id) AS known
FROM book.position AS position
WHERE run_id = $run_id
GROUP BY position.contract_id
HAVING
    opened <> 0 OR traded <> 0 OR transferred <> 0 OR exercised <> 0 OR expired <> 0 OR closed <> 0 OR value <> 0
    OR premium <> 0
ORDER BY position.contract_id
