-- critical · book · F33 · volatilities of an expiry are fractions, not per cent
-- Do: deliver 0.55 for 55 %.
SELECT
    'vol_quotes' AS dataset, min(quote.file_id) AS file_id, min(quote.source_line) AS source_line,
    underlying_asset || ' ' || expiry_ts AS contract_id,
    count_if(iv_mark > $iv_highest AND isfinite(iv_mark)) || ' of ' || count(*) || ' quotes above ' || $iv_highest
        AS value,
    $unit_error_share_of_expiry || ' of the expiry' AS limit_value
FROM book.vol_quote AS quote
JOIN book.contract AS contract USING (run_id, contract_id)
WHERE run_id = $run_id
GROUP BY underlying_asset, expiry_ts
HAVING count_if(iv_mark > $iv_highest AND isfinite(iv_mark)) > $unit_error_share_of_expiry * count(*)
