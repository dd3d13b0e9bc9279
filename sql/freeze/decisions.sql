-- Approved decisions a cycle is computed from: those of its own date, and of those that stand from a date on the latest
-- of each member. Of a contract's prices by hand the one decided last.
SELECT
    decision.decision_id, decision.kind, decision.subject, decision.subject_hash, decision.reason,
    decision.requested_by, answer.decided_by AS approved_by
FROM control.decision
JOIN control.decision_answer AS answer USING (decision_id, subject_hash)
WHERE answer.answer = 'APPROVED'
    AND decision.cycle IN ('', $cycle)
    AND (
        (list_contains($of_the_day, decision.kind) AND decision.business_date = $business_date)
        OR (list_contains($standing, decision.kind) AND decision.business_date <= $business_date)
    )
QUALIFY (list_contains($of_the_day, decision.kind) AND decision.kind <> 'MANUAL_PRICE') OR row_number() OVER (
    PARTITION BY decision.kind, decision.about, CASE WHEN decision.kind = 'MANUAL_PRICE' THEN concat_ws(
        '|', decision.subject::JSON ->> 'contract_id', decision.subject::JSON ->> 'price_type'
    ) END
    ORDER BY decision.business_date DESC, answer.decided_ts DESC, decision.decision_id
) = 1
ORDER BY decision.kind, answer.decided_ts, decision.decision_id;
