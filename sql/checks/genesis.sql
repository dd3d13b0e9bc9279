-- warning · book · M1 · balances are carried from the cycle before
-- Do: none for the first cycle of a home; else run the missing day first.
SELECT 'no published cycle before' AS value, 'a predecessor' AS limit_value
WHERE $predecessor_run_id = ''
