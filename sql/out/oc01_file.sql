-- OC01 · files a run was frozen on with what each declares, and what became of its rows.
WITH booked AS (
    SELECT file_id, count(*) AS accepted
    FROM (
        SELECT file_id FROM book.account WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.collateral WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.contract WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.depth WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.funding WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.history WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.member WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.position WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.price WHERE run_id = $run_id
        UNION ALL
        SELECT file_id FROM book.vol_quote WHERE run_id = $run_id
    ) AS used
    GROUP BY file_id
),
refused AS (
    SELECT file_id, count(DISTINCT source_line) AS rejected FROM book.rejected WHERE run_id = $run_id GROUP BY file_id
)
SELECT
    i.file_id,
    i.dataset,
    i.records AS records_delivered,
    f.control_total AS control_total_delivered,
    coalesce(b.accepted, 0) AS records_accepted,
    coalesce(r.rejected, 0) AS records_rejected
FROM control.input_manifest AS i
LEFT JOIN raw.file AS f ON f.file_id = i.file_id
LEFT JOIN booked AS b ON b.file_id = i.file_id
LEFT JOIN refused AS r ON r.file_id = i.file_id
WHERE i.run_id = $run_id
ORDER BY i.dataset, i.file_id;
