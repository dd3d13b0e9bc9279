-- warning · book · F31 · every underlying with open options has a usable volatility of its own day
-- Do: deliver vol_quotes of the underlying; without them the next cycle stops at its options.
-- The surface of the cycle before stands in, and a day's move of volatility is added to the mark uncertainty.
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
SEMI JOIN (
    SELECT underlying AS underlying_asset
    FROM result.surface
    WHERE run_id = $predecessor_run_id AND certified AND n_quotes > 0
) USING (underlying_asset)
WHERE run_id = $run_id AND kind = 'OPT' AND qty_close <> 0 AND expiry_ts > $as_of_ts
