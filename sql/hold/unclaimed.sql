-- What every contract is still out of balance by, the other way round, as a position line of the one member whose sender
-- is late: nobody else can have it. It stands under no account of its own, because nobody knows which one traded.
WITH lines AS (
    SELECT * EXCLUDE (run_id) FROM book.position WHERE run_id = $run_id
    UNION ALL BY NAME
    SELECT * EXCLUDE (run_id, charged_account_id) FROM book.suspense WHERE run_id = $run_id AND source_line = 0
),
sums AS (
    SELECT
        contract_id,
        -sum(qty_open) AS opened,
        sum(qty_sell) - sum(qty_buy) AS traded,
        -sum(qty_transfer) AS transferred,
        -sum(qty_exercise_assign) AS exercised,
        -sum(qty_expired) AS expired,
        -sum(qty_close) AS closed,
        sum(sell_value) - sum(buy_value) AS worth,
        -sum(premium_paid) AS premium,
        max(position_as_of_ts) AS position_as_of_ts
    FROM lines
    GROUP BY contract_id
)
SELECT
    $member AS clearing_member_id, 'SUSPENSE' AS margin_account_id, 'HOUSE' AS account_type, '' AS client_id,
    contract_id,
    opened::DECIMAL(28, 8) AS qty_open,
    greatest(traded, 0)::DECIMAL(28, 8) AS qty_buy,
    greatest(-traded, 0)::DECIMAL(28, 8) AS qty_sell,
    transferred::DECIMAL(28, 8) AS qty_transfer,
    exercised::DECIMAL(28, 8) AS qty_exercise_assign,
    expired::DECIMAL(28, 8) AS qty_expired,
    closed::DECIMAL(28, 8) AS qty_close,
    greatest(worth, 0)::DECIMAL(38, 12) AS buy_value,
    greatest(-worth, 0)::DECIMAL(38, 12) AS sell_value,
    premium::DECIMAL(38, 12) AS premium_paid,
    0::DECIMAL(38, 12) AS fees,
    position_as_of_ts,
    $predecessor_run_id AS file_id,
    0::INTEGER AS source_line
FROM sums
WHERE opened <> 0 OR traded <> 0 OR transferred <> 0 OR exercised <> 0 OR expired <> 0 OR closed <> 0 OR worth <> 0
    OR premium <> 0
ORDER BY contract_id
