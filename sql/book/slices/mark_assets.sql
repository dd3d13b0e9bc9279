-- Every asset held as collateral, settled in or called in, with its index price. The dollar is its own measure.
WITH assets AS (
    SELECT asset FROM book.collateral WHERE run_id = $run_id
    UNION
    SELECT unnest($settle_assets::VARCHAR[])
    UNION
    SELECT base_ccy FROM book.account WHERE run_id = $run_id
    UNION
    SELECT base_ccy FROM book.member WHERE run_id = $run_id
),
indices AS (
    SELECT *
    FROM book.price
    WHERE run_id = $run_id AND price_type = 'INDEX' AND price > 0
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
    END AS quality
FROM assets
LEFT JOIN indices ON indices.contract_id = asset || '-USD'
ORDER BY asset
