-- The latest version that holds each audience's folder, up to a release of the cycle.
SELECT audience, max(version) AS version
FROM control.publication
WHERE cycle_id = $cycle_id AND version <= $version
GROUP BY audience
ORDER BY audience;
