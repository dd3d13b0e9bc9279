-- 17.2, 17.3 · failures of the core system: a stage that failed or never said how it ended, from the start of the first
-- such attempt until the stage was done, in whichever run of its cycle; mended_ts is empty where it never was.
WITH attempt AS (
    SELECT run.business_date, run.cycle, a.run_id, a.stage, a.attempt, a.event, a.at_ts
    FROM control.attempt AS a
    JOIN control.cycle_run AS run USING (run_id)
    WHERE run.business_date BETWEEN $first AND $last
),
failed AS (
    SELECT
        f.business_date, f.cycle, f.stage,
        coalesce((
            SELECT s.at_ts FROM attempt AS s
            WHERE s.run_id = f.run_id AND s.stage = f.stage AND s.attempt = f.attempt AND s.event = 'STARTED'
        ), f.at_ts) AS failed_ts,
        (
            SELECT min(d.at_ts) FROM attempt AS d
            WHERE d.business_date = f.business_date AND d.cycle = f.cycle AND d.stage = f.stage
                AND d.event = 'DONE' AND d.at_ts >= f.at_ts
        ) AS mended_ts
    FROM attempt AS f
    WHERE f.event IN ('FAILED', 'ABANDONED')
)
SELECT business_date, cycle, stage, min(failed_ts) AS failed_ts, mended_ts
FROM failed
GROUP BY business_date, cycle, stage, mended_ts
ORDER BY failed_ts, business_date, cycle, stage;
