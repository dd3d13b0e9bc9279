-- info · row · F32 · an option's mark lies between its bid and its ask
-- Do: none needed: the quote is left out of the surface.
-- Compared where both are in the same unit; an empty side is not quoted.
SELECT
    'vol_quotes' AS dataset, quote.file_id, quote.source_line, contract_id, price::VARCHAR AS value,
    coalesce(bid_px::VARCHAR, 'none') || ' to ' || coalesce(ask_px::VARCHAR, 'none') AS limit_value
FROM book.vol_quote AS quote
JOIN book.contract AS contract USING (run_id, contract_id)
JOIN book.price AS price USING (run_id, contract_id)
WHERE
    run_id = $run_id AND price_type IN ('SETTLE', 'MARK') AND price >= 0
    AND px_unit = CASE payoff WHEN 'INVERSE' THEN 'COIN' ELSE 'QUOTE' END
    AND (price < bid_px OR price > ask_px)
