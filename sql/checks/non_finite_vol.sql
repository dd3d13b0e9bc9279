-- warning · row · F22 · a volatility is a finite number
-- Do: none needed: the quote is left out of the surface; ask the sender for a number.
-- NaN compares as larger than every number, so it is asked for by name.
SELECT
    'vol_quotes' AS dataset, file_id, source_line, contract_id,
    concat_ws(' ', iv_bid, iv_mark, iv_ask) AS value, 'finite' AS limit_value
FROM book.vol_quote
WHERE run_id = $run_id AND NOT (
    coalesce(isfinite(iv_bid), true) AND coalesce(isfinite(iv_mark), true) AND coalesce(isfinite(iv_ask), true)
)
