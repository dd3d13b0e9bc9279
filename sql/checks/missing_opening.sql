-- critical · book · F19 · a first cycle is given every opening
-- Do: deliver qty_open: there is no earlier close to carry.
SELECT
    'positions' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, contract_id,
    'empty' AS value, 'qty_open in a first cycle' AS limit_value
FROM raw.positions
WHERE
    file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id)
    AND qty_open IS NULL AND $predecessor_run_id = ''
UNION ALL
SELECT
    'collateral_balances', file_id, source_line, clearing_member_id, margin_account_id, asset,
    'empty', 'qty_open in a first cycle'
FROM raw.collateral_balances
WHERE
    file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id)
    AND qty_open IS NULL AND $predecessor_run_id = ''
