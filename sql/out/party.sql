-- Everything that names somebody: what one member's pack may never say of another.
SELECT DISTINCT a.clearing_member_id, a.margin_account_id AS name, 'id' AS kind
FROM book.account AS a WHERE a.run_id = $run_id
UNION
SELECT clearing_member_id, clearing_member_id, 'id' FROM book.account WHERE run_id = $run_id
UNION
SELECT clearing_member_id, client_id, 'id' FROM book.position WHERE run_id = $run_id AND client_id <> '' AND clearing_member_id <> 'CCP'
UNION
SELECT clearing_member_id, clearing_member_id, 'id' FROM book.member WHERE run_id = $run_id
UNION
SELECT clearing_member_id, lei, 'id' FROM book.member WHERE run_id = $run_id AND coalesce(lei, '') <> ''
UNION
SELECT clearing_member_id, legal_name, 'name' FROM book.member WHERE run_id = $run_id
ORDER BY ALL;
