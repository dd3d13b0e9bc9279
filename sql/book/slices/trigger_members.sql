-- Ratings of the members with a requirement, now and at the cycle before.
SELECT
    m.clearing_member_id,
    m.surveillance_level,
    m.credit_score,
    p.credit_score AS credit_score_before
FROM book.member AS m
LEFT JOIN book.member AS p ON p.run_id = $predecessor_run_id AND p.clearing_member_id = m.clearing_member_id
WHERE m.run_id = $run_id
    AND EXISTS (
        SELECT 1 FROM result.portfolio AS o
        WHERE o.run_id = m.run_id AND o.clearing_member_id = m.clearing_member_id AND o.initial_margin_usd > 0
    )
ORDER BY ALL
