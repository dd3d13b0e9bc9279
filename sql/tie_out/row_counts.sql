-- every delivered row of a frozen file is in the book or among the rejected, once
-- Rows the book carries over from the predecessor have its run for a file and are not counted.
WITH frozen AS (
    SELECT file_id FROM control.input_manifest WHERE run_id = $run_id
),
delivered AS (
    SELECT 'accounts' AS dataset, file_id FROM raw.accounts
    UNION ALL
    SELECT 'book_depth', file_id FROM raw.book_depth
    UNION ALL
    SELECT 'collateral_balances', file_id FROM raw.collateral_balances
    UNION ALL
    SELECT 'contracts', file_id FROM raw.contracts
    UNION ALL
    SELECT 'factor_history', file_id FROM raw.factor_history
    UNION ALL
    SELECT 'funding', file_id FROM raw.funding
    UNION ALL
    SELECT 'history', file_id FROM raw.history
    UNION ALL
    SELECT 'members', file_id FROM raw.members
    UNION ALL
    SELECT 'positions', file_id FROM raw.positions
    UNION ALL
    SELECT 'prices', file_id FROM raw.prices
    UNION ALL
    SELECT 'vol_quotes', file_id FROM raw.vol_quotes
),
kept AS (
    SELECT 'accounts' AS dataset, file_id FROM book.account WHERE run_id = $run_id
    UNION ALL
    SELECT 'book_depth', file_id FROM book.depth WHERE run_id = $run_id
    UNION ALL
    SELECT 'collateral_balances', file_id FROM book.collateral WHERE run_id = $run_id
    UNION ALL
    SELECT 'contracts', file_id FROM book.contract WHERE run_id = $run_id
    UNION ALL
    SELECT 'factor_history', file_id FROM book.factor_history WHERE run_id = $run_id
    UNION ALL
    SELECT 'funding', file_id FROM book.funding WHERE run_id = $run_id
    UNION ALL
    SELECT 'history', file_id FROM book.history WHERE run_id = $run_id
    UNION ALL
    SELECT 'members', file_id FROM book.member WHERE run_id = $run_id
    UNION ALL
    SELECT 'positions', file_id FROM book.position WHERE run_id = $run_id
    UNION ALL
    SELECT 'prices', file_id FROM book.price WHERE run_id = $run_id
    UNION ALL
    SELECT 'vol_quotes', file_id FROM book.vol_quote WHERE run_id = $run_id
    UNION ALL
    SELECT dataset, file_id FROM book.rejected WHERE run_id = $run_id
),
raw_rows AS (
    SELECT dataset, file_id, count(*) AS n FROM delivered SEMI JOIN frozen USING (file_id) GROUP BY ALL
),
book_rows AS (
    SELECT dataset, file_id, count(*) AS n FROM kept SEMI JOIN frozen USING (file_id) GROUP BY ALL
)
SELECT
    concat_ws(' ', dataset, file_id) AS place, coalesce(book_rows.n, 0)::VARCHAR AS found,
    coalesce(raw_rows.n, 0)::VARCHAR AS expected
FROM raw_rows
FULL JOIN book_rows USING (dataset, file_id)
WHERE coalesce(raw_rows.n, 0) <> coalesce(book_rows.n, 0)
ORDER BY ALL
