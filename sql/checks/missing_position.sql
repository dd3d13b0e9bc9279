-- critical · member · F19 · every position carried open is delivered again
-- Do: deliver the line, with its movements if it was closed.
-- A position that vanishes from the file is not flat. It is reported, not carried on, because only the sender knows
-- what became of it; a balance is ours and is carried on (sql/book/collateral.sql).
SELECT
    'positions' AS dataset, clearing_member_id, margin_account_id, contract_id, 'not delivered' AS value,
    'carried ' || qty_close AS limit_value
FROM (
    SELECT run_id, clearing_member_id, margin_account_id, client_id, contract_id, qty_close FROM book.position
    UNION ALL
    SELECT run_id, clearing_member_id, margin_account_id, client_id, contract_id, qty_close FROM book.suspense
) AS carried
ANTI JOIN (
    SELECT clearing_member_id, margin_account_id, client_id, contract_id FROM book.position WHERE run_id = $run_id
) AS delivered USING (clearing_member_id, margin_account_id, client_id, contract_id)
WHERE run_id = $predecessor_run_id AND qty_close <> 0
