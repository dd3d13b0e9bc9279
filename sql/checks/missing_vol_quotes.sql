-- critical · book · F31 · every underlying with open options has a usable volatility
-- Do: deliver vol_quotes of the underlying: options cannot be revalued without.
SELECT DISTINCT
    'vol_quotes' AS dataset, underlying_asset AS contract_id, 'no usable quote' AS value, 'one or more' AS limit_value
FROM book.position AS position
JOIN book.contract AS contract USING (run_id, contract_id)
ANTI JOIN (
    SELECT DISTINCT underlying_asset
    FROM book.vol_quote AS quote
    JOIN book.contract AS contract USING (run_id, contract_id)
    WHERE run_id = $run_id AND isfinite(iv_mark) AND iv_mark BETWEEN $iv_lowest AND $iv_highest
) USING (underlying_asset)
WHERE run_id = $run_id AND kind = 'OPT' AND qty_close <> 0 AND expiry_ts > $as_of_ts
