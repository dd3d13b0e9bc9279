-- PP01 · what was observed beside spot in the scenarios of the run; between tenors the conventions tell how to read it.
SELECT
    scenario_id, underlying, horizon_days, factor, CAST(tenor_days AS INTEGER) AS tenor_days, scenario_set, move
FROM result.scenario_move
WHERE run_id = $run_id
ORDER BY scenario_set, scenario_index, underlying, horizon_days, factor, tenor_days;
