-- warning · row · F15 · market data name a delivered contract
-- Do: deliver the contract, or leave its market data out; the row is not used.
-- An index is no contract: rows of a name that has an index price are none of this check's.
WITH known AS (
    SELECT contract_id FROM book.contract WHERE run_id = $run_id
    UNION
    SELECT contract_id FROM book.price WHERE run_id = $run_id AND price_type = 'INDEX'
),
named AS (
    SELECT 'prices' AS dataset, file_id, source_line, contract_id FROM book.price WHERE run_id = $run_id
    UNION ALL
    SELECT 'vol_quotes', file_id, source_line, contract_id FROM book.vol_quote WHERE run_id = $run_id
    UNION ALL
    SELECT 'book_depth', file_id, source_line, contract_id FROM book.depth WHERE run_id = $run_id
    UNION ALL
    SELECT 'funding', file_id, source_line, contract_id FROM book.funding WHERE run_id = $run_id
)
SELECT dataset, file_id, source_line, contract_id, contract_id AS value, 'listed in contracts' AS limit_value
FROM named
ANTI JOIN known USING (contract_id)
