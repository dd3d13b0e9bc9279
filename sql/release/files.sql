-- Files of one audience's folder of a release.
SELECT path, sha256
FROM control.publication
WHERE cycle_id = $cycle_id AND version = $version AND audience = $audience
ORDER BY path;
