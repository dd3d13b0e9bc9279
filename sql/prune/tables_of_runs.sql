-- Tables with a run_id.
SELECT DISTINCT schema_name || '.' || table_name AS name
FROM duckdb_columns()
WHERE column_name = 'run_id' AND list_contains($schemas, schema_name)
ORDER BY name;
