-- warning · member · F40 · every asset held as collateral has a haircut in the policy
-- Do: add the asset to the policy, or return it; until then it counts for nothing.
-- The row stays in the book: the balance is carried, at no value.
SELECT
    'collateral_balances' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, asset AS contract_id,
    asset AS value, 'collateral.haircut_fraction' AS limit_value
FROM book.collateral
WHERE run_id = $run_id AND NOT list_contains($haircut_assets, asset)
