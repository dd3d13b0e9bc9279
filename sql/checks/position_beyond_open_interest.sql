-- critical · member · F20 · a position is not larger than the open interest of its contract allows
-- Do: correct the quantity with the member, or have two persons confirm it with `levee approvals ask-position`.
-- Long and short lines of an account each for themselves: a gross account is not netted.
WITH size AS (
    SELECT
        clearing_member_id, margin_account_id, contract_id, min(file_id) AS file_id, min(source_line) AS source_line,
        greatest(sum(greatest(qty_close, 0)), -sum(least(qty_close, 0))) AS quantity
    FROM book.position
    WHERE run_id = $run_id
    GROUP BY clearing_member_id, margin_account_id, contract_id
),
interest AS (
    SELECT contract_id, max(open_interest) AS open_interest
    FROM book.price
    WHERE run_id = $run_id AND open_interest IS NOT NULL
    GROUP BY contract_id
),
confirmed AS (
    SELECT clearing_member_id, margin_account_id, contract_id, quantity
    FROM book.decision
    WHERE run_id = $run_id AND kind = 'POSITION_CONFIRMED'
)
SELECT
    'positions' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, contract_id,
    quantity::VARCHAR AS value,
    $open_interest_multiple || ' x ' || open_interest || ' of prices.open_interest' AS limit_value
FROM size
JOIN interest USING (contract_id)
ANTI JOIN confirmed USING (clearing_member_id, margin_account_id, contract_id, quantity)
WHERE quantity > $open_interest_multiple * open_interest
