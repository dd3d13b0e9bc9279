-- PP01 · anti-procyclicality buffer of each underlying: rates, what of the buffer is charged, and its state.
SELECT underlying, margin_rate, average_rate, charged_rate, buffer_fraction, state
FROM result.apc_buffer
WHERE run_id = $run_id
ORDER BY underlying;
