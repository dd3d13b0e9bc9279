-- PP01 · scenarios of the run as every member's portfolio met them.
SELECT
    scenario_id, underlying, horizon_days, scenario_set, start_date, spot_return, scale_factor, vol_score, quality,
    vol_quality, basis_quality
FROM result.scenario
WHERE run_id = $run_id
ORDER BY scenario_set, scenario_index, underlying, horizon_days;
