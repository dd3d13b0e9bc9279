-- critical · book · F04 · a key is delivered once, whoever sends it
-- Do: withdraw one of the lines by a new version of its file.
SELECT
    'accounts' AS dataset, file_id, source_line, clearing_member_id, margin_account_id, '' AS contract_id,
    concat_ws(' ', clearing_member_id, margin_account_id) AS value, 'once' AS limit_value
FROM book.account
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY clearing_member_id, margin_account_id) > 1
UNION ALL
SELECT
    'book_depth', file_id, source_line, '', '', contract_id,
    concat_ws(' ', contract_id, obs_ts, side, level), 'once'
FROM book.depth
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY contract_id, obs_ts, side, level) > 1
UNION ALL
SELECT
    'collateral_balances', file_id, source_line, clearing_member_id, margin_account_id, asset,
    concat_ws(' ', clearing_member_id, margin_account_id, asset), 'once'
FROM book.collateral
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY clearing_member_id, margin_account_id, asset) > 1
UNION ALL
SELECT
    'contracts', file_id, source_line, '', '', contract_id,
    concat_ws(' ', contract_id), 'once'
FROM book.contract
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY contract_id) > 1
UNION ALL
SELECT
    'factor_history', file_id, source_line, '', '', underlying,
    concat_ws(' ', underlying, series, "date"), 'once'
FROM book.factor_history
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY underlying, series, "date") > 1
UNION ALL
SELECT
    'funding', file_id, source_line, '', '', contract_id,
    concat_ws(' ', contract_id, interval_end_ts), 'once'
FROM book.funding
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY contract_id, interval_end_ts) > 1
UNION ALL
SELECT
    'history', file_id, source_line, '', '', underlying,
    concat_ws(' ', underlying, "date"), 'once'
FROM book.history
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY underlying, "date") > 1
UNION ALL
SELECT
    'members', file_id, source_line, clearing_member_id, '', '',
    concat_ws(' ', clearing_member_id), 'once'
FROM book.member
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY clearing_member_id) > 1
UNION ALL
SELECT
    'positions', file_id, source_line, clearing_member_id, margin_account_id, contract_id,
    concat_ws(' ', clearing_member_id, margin_account_id, client_id, contract_id), 'once'
FROM book.position
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY clearing_member_id, margin_account_id, client_id, contract_id) > 1
UNION ALL
SELECT
    'prices', file_id, source_line, '', '', contract_id,
    concat_ws(' ', price_set_id, contract_id, price_type), 'once'
FROM book.price
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY price_set_id, contract_id, price_type) > 1
UNION ALL
SELECT
    'vol_quotes', file_id, source_line, '', '', contract_id,
    concat_ws(' ', contract_id), 'once'
FROM book.vol_quote
WHERE run_id = $run_id
QUALIFY count(*) OVER (PARTITION BY contract_id) > 1
