-- Members of the files the run was frozen on.
INSERT INTO book.member BY NAME
SELECT
    $run_id AS run_id, clearing_member_id, legal_name, lei, status, base_ccy, timezone, permitted_assets, mta,
    rounding_unit, parent_id, surveillance_level::BIGINT AS surveillance_level,
    credit_score::DOUBLE AS credit_score, file_id, source_line
FROM raw.members
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);

-- The status two persons have decided on counts, whatever is delivered.
UPDATE book.member AS member
SET status = decision.status
FROM book.decision AS decision
WHERE member.run_id = $run_id AND decision.run_id = $run_id AND decision.kind = 'MEMBER_STATUS'
    AND decision.clearing_member_id = member.clearing_member_id;

-- So does the surveillance level: a score that is worse still sets the step.
UPDATE book.member AS member
SET surveillance_level = decision.status::BIGINT
FROM book.decision AS decision
WHERE member.run_id = $run_id AND decision.run_id = $run_id AND decision.kind = 'MEMBER_RATING'
    AND decision.clearing_member_id = member.clearing_member_id;
