-- PP03 · market quotes beside the slices: out of the money, both sides quoted, the fresh mark between them.
SELECT
    c.underlying_asset AS underlying, c.expiry_ts, CAST(c.strike AS DOUBLE) AS strike,
    CAST(m.forward_price AS DOUBLE) AS forward_price, q.iv_mark AS volatility
FROM book.vol_quote AS q
JOIN book.contract AS c USING (run_id, contract_id)
JOIN result.mark AS m USING (run_id, contract_id)
WHERE
    run_id = $run_id AND m.method = 'DELIVERED' AND m.quality <> 'STALE' AND m.implied_volatility = q.iv_mark
    AND m.settlement_price BETWEEN q.bid_px AND q.ask_px
    AND CASE c.option_type WHEN 'C' THEN c.strike >= m.forward_price ELSE c.strike < m.forward_price END
ORDER BY underlying, c.expiry_ts, strike, contract_id;
