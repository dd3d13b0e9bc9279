-- critical · book · F74 · every underlying in use has a history of closes
-- Do: deliver the history of the underlying: scenarios are made of it.
SELECT DISTINCT
    'history' AS dataset, underlying_asset AS contract_id, 'no close' AS value, 'the full look-back' AS limit_value
FROM book.position AS position
JOIN book.contract AS contract USING (run_id, contract_id)
ANTI JOIN (
    SELECT DISTINCT underlying AS underlying_asset FROM book.history WHERE run_id = $run_id
) USING (underlying_asset)
WHERE run_id = $run_id
