-- critical · member · F19 · a delivered opening is the close of the cycle before
-- Do: agree the figure with the sender; the carried balance is ours and stands.
SELECT
    'positions' AS dataset, file_id, source_line, book.clearing_member_id, book.margin_account_id, book.contract_id,
    raw.qty_open AS value, book.qty_open::VARCHAR AS limit_value
FROM book.position AS book
JOIN raw.positions AS raw USING (file_id, source_line)
WHERE book.run_id = $run_id AND decimal_28_8(raw.qty_open) <> book.qty_open
UNION ALL
SELECT
    'collateral_balances', file_id, source_line, book.clearing_member_id, book.margin_account_id, book.asset,
    raw.qty_open, book.qty_open::VARCHAR
FROM book.collateral AS book
JOIN raw.collateral_balances AS raw USING (file_id, source_line)
WHERE book.run_id = $run_id AND decimal_38_18(raw.qty_open) <> book.qty_open
