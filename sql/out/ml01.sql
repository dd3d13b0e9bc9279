-- ML01 · statement of account by asset: opening, each movement with the balance after it, closing.
WITH entry AS (
    SELECT
        clearing_member_id, margin_account_id, asset, 0 AS step, 0 AS entry_no, 'OPEN' AS movement_type,
        '' AS contract_id, opening AS amount
    FROM result.balance
    WHERE run_id = $run_id
    UNION ALL
    SELECT clearing_member_id, margin_account_id, asset, 1, entry_no, movement_type, contract_id, amount
    FROM result.ledger
    WHERE run_id = $run_id AND movement_type <> 'OPEN'
    UNION ALL
    SELECT clearing_member_id, margin_account_id, asset, 2, 0, 'CLOSE', '', closing
    FROM result.balance
    WHERE run_id = $run_id
)
SELECT
    clearing_member_id,
    margin_account_id,
    asset,
    row_number() OVER account_asset AS line_no,
    movement_type,
    contract_id,
    amount,
    CASE
        WHEN movement_type = 'CLOSE' THEN amount
        ELSE sum(amount) OVER (account_asset ROWS UNBOUNDED PRECEDING)
    END::DECIMAL(38, 18) AS balance
FROM entry
WHERE clearing_member_id <> 'CCP'
WINDOW account_asset AS (
    PARTITION BY clearing_member_id, margin_account_id, asset
    ORDER BY step, movement_type, contract_id, entry_no
)
ORDER BY clearing_member_id, margin_account_id, asset, line_no;
