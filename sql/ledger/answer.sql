-- An answer moves the state of the version it answers, where it was not paid in part or overdue, and is an event.
INSERT INTO control.call_event
SELECT
    coalesce(max(event_no), 0) + 1, $call_id, $call_version,
    CASE WHEN $response_type = 'ACCEPT' THEN 'ACK' ELSE 'DISPUTED' END, $disputed_usd::DECIMAL(20, 2), '', $user_name,
    $reason, $now
FROM control.call_event;

UPDATE control.margin_call
SET state = CASE
    WHEN $response_type <> 'ACCEPT' THEN 'DISPUTED'
    WHEN met_amount_usd > 0 THEN 'PART_MET'
    ELSE 'ACK'
END
WHERE call_id = $call_id AND call_version = $call_version AND state IN ('ISSUED', 'ACK', 'DISPUTED', 'PART_MET');
