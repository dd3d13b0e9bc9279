-- info · member · F20 · an account's position in an underlying is small against its daily volume
-- Do: none needed: see whether the liquidation period still fits.
-- Notional in USD: contract size times price, or the size itself where it is in USD. Summed in cents, so exactly.
WITH notional AS (
    SELECT
        clearing_member_id, margin_account_id, underlying_asset AS contract_id,
        sum(
            round(
                abs(qty_close)::DOUBLE * multiplier::DOUBLE
                * CASE WHEN payoff = 'INVERSE' AND kind <> 'OPT' THEN 1 ELSE coalesce(index.price::DOUBLE, 0) END,
                2
            )::DECIMAL(28, 2)
        ) AS usd
    FROM book.position AS position
    JOIN book.contract AS contract USING (run_id, contract_id)
    LEFT JOIN book.price AS index
        ON index.run_id = $run_id AND index.contract_id = underlying_asset || '-USD' AND price_type = 'INDEX'
    WHERE position.run_id = $run_id
    GROUP BY clearing_member_id, margin_account_id, underlying_asset
)
SELECT
    'positions' AS dataset, clearing_member_id, margin_account_id, contract_id, usd || ' USD' AS value,
    list_extract(
        $volume_usd,
        coalesce(list_position($volume_underlyings, contract_id), list_position($volume_underlyings, 'default'))
    ) AS volume,
    $daily_volume_multiple || ' x ' || volume || ' USD' AS limit_value
FROM notional
WHERE usd > $daily_volume_multiple * volume
