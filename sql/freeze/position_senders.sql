-- Senders whose lines carry a position into the next cycle.
SELECT DISTINCT manifest.sender
FROM book.position
JOIN control.input_manifest AS manifest USING (run_id, file_id)
WHERE run_id = $predecessor_run_id AND qty_close <> 0
ORDER BY sender;
