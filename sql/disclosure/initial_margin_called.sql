-- 6.8.1 · margin called on each day of a span, USD: every call at its latest version that is out; intraday is no call.
WITH latest AS (
    SELECT run.business_date, call.call_amount_usd
    FROM control.margin_call AS call
    JOIN control.cycle_run AS run USING (run_id)
    WHERE run.cycle NOT LIKE 'ITD%'
        AND run.business_date BETWEEN $first AND $last
        AND run.run_id IN (SELECT run_id FROM control.release WHERE state = 'PUBLISHED')
    QUALIFY row_number() OVER (PARTITION BY call.call_id ORDER BY call.call_version DESC) = 1
)
SELECT business_date, sum(call_amount_usd) AS amount_usd
FROM latest
GROUP BY business_date
ORDER BY business_date;
