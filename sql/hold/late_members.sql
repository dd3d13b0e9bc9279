-- Members whose open positions of the cycle before came from a sender that has delivered none today.
SELECT DISTINCT position.clearing_member_id
FROM book.position AS position
JOIN control.input_manifest AS manifest USING (run_id, file_id)
WHERE run_id = $predecessor_run_id AND qty_close <> 0
    AND sender NOT IN (SELECT sender FROM control.input_manifest WHERE run_id = $run_id AND dataset = 'positions')
ORDER BY clearing_member_id
