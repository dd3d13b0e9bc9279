-- Calls of the cycle that left the house already, each as its latest version: what a correction adds to or takes off.
SELECT * EXCLUDE (run_id)
FROM control.margin_call
WHERE cycle_id = $cycle_id AND state NOT IN ('DRAFT', 'APPROVED')
QUALIFY row_number() OVER (PARTITION BY call_id ORDER BY call_version DESC) = 1
ORDER BY ALL;
