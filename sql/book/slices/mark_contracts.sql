-- One row per contract that is held, moved or listed, with the delivered figures its mark may be made of.
-- What is only listed is left out where nothing could mark it: no price, index, settlement asset's price or smile.
-- A settlement or mark price counts if it is above zero (an option's may be zero): fresh before stale, then SETTLE
-- before MARK. A price whose age is not known counts as stale. A bid or ask in another unit than the price is left out.
WITH held AS (
    SELECT DISTINCT contract_id
    FROM book.position
    WHERE run_id = $run_id
        AND (qty_open <> 0 OR qty_close <> 0 OR qty_buy <> 0 OR qty_sell <> 0 OR qty_transfer <> 0
            OR qty_exercise_assign <> 0 OR qty_expired <> 0)
    UNION
    SELECT contract_id FROM book.suspense WHERE run_id = $run_id
),
contracts AS (
    SELECT
        contract.*, cycle_run.as_of_ts, contract_id IN (SELECT contract_id FROM held) AS held,
        contract.status IN ('EXPIRED_UNSETTLED', 'SETTLED')
            OR coalesce(contract.expiry_ts <= cycle_run.as_of_ts, FALSE) AS expired
    FROM book.contract
    JOIN control.cycle_run USING (run_id)
    WHERE run_id = $run_id
),
prices AS (
    SELECT *, quality = 'STALE' OR coalesce(age_seconds > $stale_limit_seconds, TRUE) AS stale
    FROM book.price
    WHERE run_id = $run_id
),
delivered AS (
    SELECT prices.*
    FROM prices
    JOIN contracts USING (contract_id)
    WHERE price_type IN ('SETTLE', 'MARK') AND (price > 0 OR (price = 0 AND kind = 'OPT'))
    QUALIFY row_number() OVER (
        PARTITION BY contract_id ORDER BY prices.stale, price_type = 'SETTLE' DESC, prices.source_line
    ) = 1
),
final AS (
    SELECT *
    FROM prices
    WHERE price_type = 'FINAL' AND price > 0
    QUALIFY row_number() OVER (PARTITION BY contract_id ORDER BY source_line) = 1
),
indices AS (
    SELECT *
    FROM prices
    WHERE price_type = 'INDEX' AND price > 0
    QUALIFY row_number() OVER (PARTITION BY contract_id ORDER BY source_line) = 1
),
smiles AS (
    SELECT DISTINCT underlying_asset
    FROM contracts
    JOIN book.vol_quote USING (run_id, contract_id)
    WHERE status = 'ACTIVE' AND NOT expired AND iv_mark BETWEEN $iv_lowest AND $iv_highest
),
before AS (
    SELECT contract_id, prev_price
    FROM prices
    WHERE price_type IN ('SETTLE', 'MARK', 'FINAL') AND prev_price IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY contract_id ORDER BY price_type DESC, source_line) = 1
)
SELECT
    contract_id, contracts.kind, contracts.payoff, contracts.underlying_asset, contracts.settle_asset,
    contracts.multiplier, contracts.strike, contracts.option_type, contracts.expiry_ts, contracts.expired,
    delivered.price, delivered.stale, delivered.obs_ts, delivered.age_seconds, delivered.source, delivered.quality,
    final.price AS final_price, final.obs_ts AS final_obs_ts, final.age_seconds AS final_age_seconds,
    final.source AS final_source, final.quality AS final_quality,
    indices.price AS index_price, indices.stale AS index_stale,
    vol_quote.iv_mark AS quoted_volatility, CASE WHEN vol_quote.forward > 0 THEN vol_quote.forward END AS quoted_forward,
    vol_quote.quality = 'STALE'
        OR coalesce(epoch(contracts.as_of_ts - vol_quote.obs_ts) > $stale_limit_seconds, FALSE) AS quote_stale,
    CASE WHEN vol_quote.px_unit = CASE contracts.payoff WHEN 'INVERSE' THEN 'COIN' ELSE 'QUOTE' END
        THEN vol_quote.bid_px END AS bid,
    CASE WHEN vol_quote.px_unit = CASE contracts.payoff WHEN 'INVERSE' THEN 'COIN' ELSE 'QUOTE' END
        THEN vol_quote.ask_px END AS ask,
    coalesce(carried.settlement_price, before.prev_price) AS prev_settlement_price
FROM contracts
LEFT JOIN delivered USING (contract_id)
LEFT JOIN final USING (contract_id)
LEFT JOIN indices ON indices.contract_id = contracts.underlying_asset || '-USD'
LEFT JOIN book.vol_quote ON vol_quote.run_id = $run_id AND vol_quote.contract_id = contracts.contract_id
LEFT JOIN before USING (contract_id)
LEFT JOIN result.mark AS carried
    ON carried.run_id = $predecessor_run_id AND carried.contract_id = contracts.contract_id
WHERE
    contracts.held
    OR (
        contracts.status = 'ACTIVE' AND NOT contracts.expired AND indices.price IS NOT NULL
        AND (contracts.settle_asset = 'USD' OR contracts.settle_asset || '-USD' IN (SELECT contract_id FROM indices))
        AND CASE
            WHEN contracts.kind = 'OPT' THEN contracts.underlying_asset IN (SELECT underlying_asset FROM smiles)
            ELSE delivered.price IS NOT NULL
        END
    )
ORDER BY contract_id
