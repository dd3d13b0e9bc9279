-- critical · book · F34 · option prices of an expiry are in their contract's unit
-- Do: deliver coin-settled options in coin and quote-settled ones in quote.
-- Put-call parity shows the unit: call less put is 1 - K/F in coin, F - K in quote.
WITH marks AS (
    SELECT
        underlying_asset, settle_asset, expiry_ts, strike::DOUBLE AS strike, option_type, payoff,
        price::DOUBLE AS price, forward::DOUBLE AS forward, price.file_id, price.source_line
    FROM book.price AS price
    JOIN book.contract AS contract USING (run_id, contract_id)
    JOIN book.vol_quote AS quote USING (run_id, contract_id)
    WHERE run_id = $run_id AND kind = 'OPT' AND price_type IN ('SETTLE', 'MARK') AND price >= 0 AND forward > 0
),
pairs AS (
    SELECT
        underlying_asset, settle_asset, expiry_ts, call.file_id, call.source_line,
        abs(
            (call.price - put.price) / CASE call.payoff WHEN 'INVERSE' THEN 1 ELSE call.forward END
            - (1 - strike / call.forward)
        ) > $parity_tolerance_fraction AS off
    FROM marks AS call
    JOIN marks AS put USING (underlying_asset, settle_asset, expiry_ts, strike)
    WHERE call.option_type = 'C' AND put.option_type = 'P'
)
SELECT
    'prices' AS dataset, min(file_id) AS file_id, min(source_line) AS source_line,
    underlying_asset || ' ' || expiry_ts || ' ' || settle_asset AS contract_id,
    count_if(off) || ' of ' || count(*) || ' pairs off parity by more than ' || $parity_tolerance_fraction AS value,
    $unit_error_share_of_expiry || ' of the expiry' AS limit_value
FROM pairs
GROUP BY underlying_asset, expiry_ts, settle_asset
HAVING count_if(off) > $unit_error_share_of_expiry * count(*)
