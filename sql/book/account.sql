-- Accounts of the files the run was frozen on.
INSERT INTO book.account BY NAME
SELECT
    $run_id AS run_id, clearing_member_id, margin_account_id, account_type, base_ccy, collateral_mode, status,
    file_id, source_line
FROM raw.accounts
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);
