-- warning · book · F23 · a price was observed shortly before it was captured
-- Do: see why the venue is quiet; marks and statements carry the flag.
-- The row stays: mark values a stale option by the model and flags every other stale price. A price of unknown age
-- counts as stale.
SELECT
    'prices' AS dataset, file_id, source_line, contract_id,
    coalesce(age_seconds || ' s', 'age unknown') || ', ' || quality AS value,
    $stale_limit_seconds || ' s' AS limit_value
FROM book.price
WHERE
    run_id = $run_id AND price IS NOT NULL AND price_type IN ('SETTLE', 'MARK', 'INDEX')
    AND (quality = 'STALE' OR coalesce(age_seconds > $stale_limit_seconds, true))
