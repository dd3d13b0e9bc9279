-- info · member · F85 · members and accounts with positions are active
-- Do: see the default procedure: no new credit, statements to the default team.
SELECT DISTINCT
    'positions' AS dataset, clearing_member_id, margin_account_id,
    'member ' || coalesce(member.status, 'unknown') || ', account ' || coalesce(account.status, 'unknown') AS value,
    'ACTIVE' AS limit_value
FROM book.position AS position
LEFT JOIN book.member AS member USING (run_id, clearing_member_id)
LEFT JOIN book.account AS account USING (run_id, clearing_member_id, margin_account_id)
WHERE run_id = $run_id AND (member.status <> 'ACTIVE' OR account.status <> 'ACTIVE')
