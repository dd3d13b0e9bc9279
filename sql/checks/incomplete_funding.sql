-- warning · book · F65 · funding of a perpetual covers the whole day, or none is delivered and the reference rate acts
-- Do: ask the sender for the missing intervals; what was delivered is settled, the rest is not invented.
-- Eight hours is the usual interval where the contract states none. Only an end-of-day cycle covers a day.
WITH delivered AS (
    SELECT contract_id, count(*) AS intervals FROM book.funding WHERE run_id = $run_id GROUP BY contract_id
)
SELECT
    'funding' AS dataset, contract_id,
    intervals * coalesce(funding_interval_s, 28800) || ' s' AS value, '86400 s' AS limit_value
FROM delivered
JOIN book.contract AS contract USING (contract_id)
JOIN control.cycle_run AS run USING (run_id)
WHERE
    run_id = $run_id AND run.cycle = 'EOD' AND intervals * coalesce(funding_interval_s, 28800) < 86400
    AND EXISTS (
        FROM book.position AS held
        WHERE held.run_id = $run_id AND held.contract_id = contract.contract_id AND held.qty_open <> 0
    )
