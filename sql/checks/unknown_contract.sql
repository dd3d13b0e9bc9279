-- critical · member · F15 · every position names a delivered contract
-- Do: deliver the contract, or correct the position.
SELECT
    'positions' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, contract_id,
    contract_id AS value, 'listed in contracts' AS limit_value
FROM book.position
ANTI JOIN (SELECT contract_id FROM book.contract WHERE run_id = $run_id) USING (contract_id)
WHERE run_id = $run_id
