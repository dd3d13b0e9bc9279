-- Underlyings of the contracts that trade: the scenario sets cover them whether they are held or not.
SELECT DISTINCT underlying_asset AS underlying
FROM book.contract
WHERE run_id = $run_id AND status = 'ACTIVE'
ORDER BY ALL
