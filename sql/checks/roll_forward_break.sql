-- critical · member · F19 · opening plus movements is the delivered close
-- Do: correct the line: one of its figures is wrong.
-- The line is held against itself: its own opening where it gives one, else the carried one.
SELECT
    'positions' AS dataset, file_id, source_line, book.clearing_member_id, book.margin_account_id, book.contract_id,
    book.qty_close::VARCHAR AS value,
    (
        coalesce(decimal_28_8(raw.qty_open), book.qty_open) + book.qty_buy - book.qty_sell + book.qty_transfer
        + book.qty_exercise_assign + book.qty_expired
    ) AS rolled,
    rolled::VARCHAR AS limit_value
FROM book.position AS book
JOIN raw.positions AS raw USING (file_id, source_line)
WHERE book.run_id = $run_id AND raw.qty_close IS NOT NULL AND book.qty_close <> rolled
UNION ALL
SELECT
    'collateral_balances', file_id, source_line, book.clearing_member_id, book.margin_account_id, book.asset,
    raw.qty_close,
    (
        coalesce(decimal_38_18(raw.qty_open), book.qty_open) + book.deposits - book.withdrawals + book.interest
        + book.adjustment
    ) AS rolled,
    rolled::VARCHAR
FROM book.collateral AS book
JOIN raw.collateral_balances AS raw USING (file_id, source_line)
WHERE book.run_id = $run_id AND decimal_38_18(raw.qty_close) <> rolled
