-- Contracts of the files the run was frozen on.
INSERT INTO book.contract BY NAME
SELECT
    $run_id AS run_id, contract_id, kind, payoff, underlying_asset, quote_ccy, settle_asset, multiplier, strike,
    option_type, expiry_ts, final_settle_ts, settlement_index_id, funding_interval_s, funding_cap, status, file_id,
    source_line
FROM raw.contracts
WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id);
