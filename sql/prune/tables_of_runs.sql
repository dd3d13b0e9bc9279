-- Tables with a run_id; views show what the tables hold.
SELECT field.schema_name || '.' || field.table_name AS name
FROM duckdb_columns() AS field
JOIN duckdb_tables() AS kept USING (table_oid)
WHERE field.column_name = 'run_id' AND list_contains($schemas, field.schema_name)
ORDER BY name;
