-- PP04 · contracts as listed.
SELECT
    contract_id, kind, payoff, underlying_asset, quote_ccy, settle_asset, multiplier, strike, option_type, expiry_ts,
    final_settle_ts, settlement_index_id, funding_interval_s, funding_cap, status
FROM book.contract
WHERE run_id = $run_id
ORDER BY contract_id;
