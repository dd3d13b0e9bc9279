-- Positions of the files the run was frozen on. The opening is ours: the predecessor's close, the delivered figure only
-- in a genesis cycle. An empty close is opening plus movements. Where a delivered figure disagrees, or is missing and
-- needed, a check says so (balance_roll, roll_forward_break, missing_opening, missing_position); nothing is filled in
-- silently and no row is lost by a join.
INSERT INTO book.position BY NAME
WITH carried AS (
    SELECT clearing_member_id, margin_account_id, client_id, contract_id, qty_close AS qty_open
    FROM book.position
    WHERE run_id = $predecessor_run_id
    UNION ALL
    SELECT clearing_member_id, margin_account_id, client_id, contract_id, qty_close
    FROM book.suspense
    WHERE run_id = $predecessor_run_id
),
delivered AS (
    SELECT
        clearing_member_id, margin_account_id, account_type, coalesce(client_id, '') AS client_id, contract_id,
        decimal_28_8(qty_open) AS delivered_open,
        decimal_28_8(qty_buy) AS qty_buy,
        decimal_28_8(qty_sell) AS qty_sell,
        decimal_28_8(qty_transfer) AS qty_transfer,
        decimal_28_8(qty_exercise_assign) AS qty_exercise_assign,
        decimal_28_8(qty_expired) AS qty_expired,
        decimal_28_8(qty_close) AS delivered_close,
        decimal_38_12(buy_value) AS buy_value,
        decimal_38_12(sell_value) AS sell_value,
        decimal_38_12(premium_paid) AS premium_paid,
        decimal_38_12(fees) AS fees,
        position_as_of_ts, file_id, source_line
    FROM raw.positions
    WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id)
),
opened AS (
    SELECT
        delivered.*,
        CASE WHEN $predecessor_run_id = '' THEN coalesce(delivered_open, 0) ELSE coalesce(carried.qty_open, 0) END
            AS qty_open
    FROM delivered
    LEFT JOIN carried USING (clearing_member_id, margin_account_id, client_id, contract_id)
)
SELECT
    $run_id AS run_id,
    * EXCLUDE (delivered_open, delivered_close),
    coalesce(
        delivered_close,
        qty_open + qty_buy - qty_sell + qty_transfer + qty_exercise_assign + qty_expired
    ) AS qty_close
FROM opened;
