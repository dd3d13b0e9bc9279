-- Whether a cycle fitted a slice of the surface to quotes of its own.
SELECT count(*) > 0 AS fitted
FROM result.surface
WHERE run_id = $predecessor_run_id AND certified AND n_quotes > 0;
