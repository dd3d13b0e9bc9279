-- Approved decisions a cycle is computed from: those of its own date, and those that stand from an earlier date on.
SELECT decision.kind, decision.subject_hash, lower(decision.requested_by) AS asker, lower(answer.decided_by) AS approver
FROM control.decision
JOIN control.decision_answer AS answer USING (decision_id, subject_hash)
WHERE answer.answer = 'APPROVED'
    AND decision.cycle IN ('', $cycle)
    AND (
        (list_contains($of_the_day, decision.kind) AND decision.business_date = $business_date)
        OR (list_contains($standing, decision.kind) AND decision.business_date <= $business_date)
    )
ORDER BY ALL;
