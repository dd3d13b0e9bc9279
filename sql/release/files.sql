-- Files in force before a version of a cycle: of each audience's folder the latest one that holds it.
SELECT audience, version, path, sha256
FROM control.publication
WHERE cycle_id = $cycle_id AND version < $version
QUALIFY version = max(version) OVER (PARTITION BY audience)
ORDER BY path;
