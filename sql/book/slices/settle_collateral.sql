-- Opening balance and outside movements of every account and asset.
SELECT
    clearing_member_id, margin_account_id, asset, form, qty_open, deposits, withdrawals, interest, adjustment,
    pending_in, pending_out
FROM book.collateral
WHERE run_id = $run_id
ORDER BY clearing_member_id, margin_account_id, asset
