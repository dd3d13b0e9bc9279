-- Answers a cycle reckons with: the latest of each call that came before the date's end of day; others never look back.
SELECT call_id, call_version, response_type, disputed_usd, first_date, query_by_date
FROM control.call_response
WHERE first_date < $business_date OR (first_date = $business_date AND $cycle = 'EOD')
QUALIFY row_number() OVER (PARTITION BY call_id ORDER BY response_no DESC) = 1
ORDER BY call_id;
