-- Whether the files in force hold an option; a position without a delivered close counts as held.
SELECT count(*) > 0 AS held
FROM raw.positions AS position
JOIN raw.contracts AS contract USING (contract_id)
WHERE contract.kind = 'OPT'
    AND coalesce(decimal_28_8(position.qty_close), 1) <> 0
    AND list_contains($file_ids, position.file_id)
    AND list_contains($file_ids, contract.file_id);
