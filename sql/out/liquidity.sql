-- PP01 · how deep the market of each underlying was taken to be.
SELECT
    underlying, daily_volume_usd, volume_quality, half_spread_fraction, spread_quality, volatility_per_day,
    daily_vega_usd, vol_half_spread, vol_move_per_day, vega_quality
FROM result.liquidity
WHERE run_id = $run_id
ORDER BY underlying;
