-- Every asset held as collateral, settled in or called in, with its index price. The dollar is its own measure.
-- Besides, the lowest and the highest price of the admissible sources: those of the id that are fresh observations, or
-- all of them where none is. A source delivers the index or a mark or settlement price of the same id.
WITH assets AS (
    SELECT asset FROM book.collateral WHERE run_id = $run_id
    UNION
    SELECT unnest($settle_assets::VARCHAR[])
    UNION
    SELECT base_ccy FROM book.account WHERE run_id = $run_id
    UNION
    SELECT base_ccy FROM book.member WHERE run_id = $run_id
    UNION
    SELECT 'USD'
),
seen AS (
    SELECT
        *, coalesce(source, '') AS place,
        quality IN ('OK', 'MANUAL') AND coalesce(age_seconds <= $stale_limit_seconds, FALSE) AS fresh
    FROM book.price
    WHERE run_id = $run_id AND price_type IN ('INDEX', 'MARK', 'SETTLE') AND price > 0
),
admissible AS (
    SELECT * FROM seen QUALIFY fresh OR NOT bool_or(fresh) OVER (PARTITION BY contract_id)
),
bounds AS (
    SELECT
        contract_id, min(price) AS lowest, max(price) AS highest, count(DISTINCT place)::INTEGER AS sources,
        first(place ORDER BY price, place) AS lowest_source, first(place ORDER BY price DESC, place) AS highest_source
    FROM admissible
    GROUP BY contract_id
),
indices AS (
    SELECT *
    FROM seen
    WHERE price_type = 'INDEX'
    QUALIFY row_number() OVER (PARTITION BY contract_id ORDER BY source_line) = 1
)
SELECT
    asset,
    CASE WHEN asset = 'USD' THEN 1 ELSE indices.price END::DECIMAL(28, 10) AS price_usd,
    CASE WHEN asset <> 'USD' THEN indices.obs_ts END AS obs_ts,
    CASE
        WHEN asset = 'USD' THEN 'OK'
        WHEN coalesce(indices.age_seconds > $stale_limit_seconds, TRUE) THEN 'STALE'
        ELSE indices.quality
    END AS quality,
    CASE WHEN asset = 'USD' THEN 1 ELSE bounds.lowest END::DECIMAL(28, 10) AS lowest_price_usd,
    CASE WHEN asset = 'USD' THEN '' ELSE bounds.lowest_source END AS lowest_source,
    CASE WHEN asset = 'USD' THEN 1 ELSE bounds.highest END::DECIMAL(28, 10) AS highest_price_usd,
    CASE WHEN asset = 'USD' THEN '' ELSE bounds.highest_source END AS highest_source,
    CASE WHEN asset = 'USD' THEN 0 ELSE bounds.sources END AS sources
FROM assets
LEFT JOIN indices ON indices.contract_id = asset || '-USD'
LEFT JOIN bounds ON bounds.contract_id = asset || '-USD'
ORDER BY asset
