-- Collateral movements of the files the run was frozen on. The balance is ours: the predecessor's closing, the
-- delivered figure only in a genesis cycle. A carried balance for which nothing is delivered has no movements; it is
-- kept, with the predecessor's run as its file and line 0.
INSERT INTO book.collateral BY NAME
WITH carried AS (
    SELECT clearing_member_id, margin_account_id, asset, form, closing AS qty_open
    FROM result.balance
    WHERE run_id = $predecessor_run_id
),
delivered AS (
    SELECT
        clearing_member_id, margin_account_id, asset, form,
        decimal_38_18(qty_open) AS delivered_open,
        decimal_38_18(deposits) AS deposits,
        decimal_38_18(withdrawals) AS withdrawals,
        coalesce(decimal_38_18(pending_in), 0) AS pending_in,
        coalesce(decimal_38_18(pending_out), 0) AS pending_out,
        coalesce(decimal_38_18(interest), 0) AS interest,
        coalesce(decimal_38_18(adjustment), 0) AS adjustment,
        0 AS qty_disputed,
        file_id, source_line
    FROM raw.collateral_balances
    WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id)
)
SELECT
    $run_id AS run_id,
    delivered.* EXCLUDE (delivered_open),
    CASE WHEN $predecessor_run_id = '' THEN coalesce(delivered_open, 0) ELSE coalesce(carried.qty_open, 0) END
        AS qty_open
FROM delivered
LEFT JOIN carried USING (clearing_member_id, margin_account_id, asset)
UNION ALL BY NAME
SELECT
    $run_id AS run_id, clearing_member_id, margin_account_id, asset, form, qty_open, 0 AS deposits, 0 AS withdrawals,
    0 AS pending_in, 0 AS pending_out, 0 AS interest, 0 AS adjustment, 0 AS qty_disputed,
    $predecessor_run_id AS file_id, 0 AS source_line
FROM carried
ANTI JOIN delivered USING (clearing_member_id, margin_account_id, asset)
WHERE qty_open <> 0;
