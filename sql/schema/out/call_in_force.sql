-- Calls of a cycle as a run of it leaves them: the latest version that the run or an earlier one of the cycle wrote.
CREATE OR REPLACE VIEW out.call_in_force AS
SELECT run.run_id AS of_run_id, call.*
FROM control.cycle_run AS run
JOIN control.cycle_run AS earlier
    ON earlier.business_date = run.business_date AND earlier.cycle = run.cycle AND earlier.run_no <= run.run_no
JOIN control.margin_call AS call ON call.run_id = earlier.run_id
QUALIFY row_number() OVER (PARTITION BY run.run_id, call.call_id ORDER BY call.call_version DESC) = 1;
