-- 6.3.1, 6.9.1 · margin rate of one unit outright with the buffer in force, by underlying: a portfolio that never changes.
SELECT underlying, charged_rate
FROM result.apc_buffer
WHERE run_id = $run_id
ORDER BY underlying;
