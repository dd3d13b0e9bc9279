-- Members the default procedure has taken over: their calls are frozen.
SELECT clearing_member_id
FROM book.member
WHERE run_id = $run_id AND status = 'DEFAULTED'
ORDER BY clearing_member_id;
