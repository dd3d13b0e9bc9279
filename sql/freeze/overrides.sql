-- Decided overrides that began by the business date and were not withdrawn by then; an expired one is there to be refused.
SELECT *
FROM control.override
WHERE first_date <= $business_date AND (withdrawn_date IS NULL OR withdrawn_date > $business_date)
ORDER BY override_id;
