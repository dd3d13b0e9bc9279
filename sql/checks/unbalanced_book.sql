-- critical · book · F18 · every contract's lines sum to zero over all accounts
-- Do: find the missing or wrong side with the senders; nothing is computed on an unbalanced book.
-- Tested on the lines as delivered, before any is taken out, and those nobody delivered. Sums are exact decimals.
WITH lines AS (
    SELECT * FROM book.position WHERE run_id = $run_id
    UNION ALL BY NAME
    SELECT * EXCLUDE (charged_account_id) FROM book.suspense WHERE run_id = $run_id AND source_line = 0
),
sums AS (
    SELECT
        contract_id,
        sum(qty_open)::DECIMAL(38, 12) AS qty_open,
        (sum(qty_buy) - sum(qty_sell))::DECIMAL(38, 12) AS qty_buy_less_qty_sell,
        sum(qty_transfer)::DECIMAL(38, 12) AS qty_transfer,
        sum(qty_exercise_assign)::DECIMAL(38, 12) AS qty_exercise_assign,
        sum(qty_expired)::DECIMAL(38, 12) AS qty_expired,
        sum(qty_close)::DECIMAL(38, 12) AS qty_close,
        (sum(buy_value) - sum(sell_value))::DECIMAL(38, 12) AS buy_value_less_sell_value,
        sum(premium_paid)::DECIMAL(38, 12) AS premium_paid
    FROM lines
    GROUP BY contract_id
)
SELECT
    'positions' AS dataset, contract_id, quantity || ' ' || total AS value, $balance_tolerance::VARCHAR AS limit_value
FROM (UNPIVOT sums ON * EXCLUDE (contract_id) INTO NAME quantity VALUE total)
WHERE abs(total) > $balance_tolerance
