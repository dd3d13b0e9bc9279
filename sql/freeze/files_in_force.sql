-- Landed files of a cycle that count: the highest version of every sender.
SELECT *
FROM raw.file
WHERE business_date = $business_date AND cycle = $cycle
QUALIFY row_number() OVER (PARTITION BY dataset, sender ORDER BY seq DESC) = 1
ORDER BY dataset, sender;
