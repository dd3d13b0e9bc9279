-- warning · row · F33 · a marked volatility is given and within the policy's range
-- Do: none needed: the quote is left out of the surface.
SELECT
    'vol_quotes' AS dataset, file_id, source_line, contract_id, coalesce(iv_mark::VARCHAR, 'none') AS value,
    $iv_lowest || ' to ' || $iv_highest AS limit_value
FROM book.vol_quote
WHERE run_id = $run_id AND (iv_mark IS NULL OR isfinite(iv_mark) AND iv_mark NOT BETWEEN $iv_lowest AND $iv_highest)
