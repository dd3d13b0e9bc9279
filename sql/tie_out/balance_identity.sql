-- opening and movements of a balance are its closing
SELECT
    concat_ws(' ', margin_account_id, asset) AS place, (opening + movements)::VARCHAR AS found,
    closing::VARCHAR AS expected
FROM result.balance
WHERE run_id = $run_id AND opening + movements <> closing
ORDER BY ALL
