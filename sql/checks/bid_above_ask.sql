-- warning · row · F32 · a bid is not above its ask
-- Do: none needed: the quote is left out of the surface.
SELECT
    'vol_quotes' AS dataset, file_id, source_line, contract_id,
    concat_ws(' ', 'bid', bid_px, 'at', iv_bid) AS value, concat_ws(' ', 'ask', ask_px, 'at', iv_ask) AS limit_value
FROM book.vol_quote
WHERE run_id = $run_id AND (bid_px > ask_px OR isfinite(iv_bid) AND isfinite(iv_ask) AND iv_bid > iv_ask)
