-- what positions settle is what the ledger posts to accounts, per asset and movement type
WITH settled AS (
    SELECT
        settle_asset AS asset, sum(variation_margin) AS "VM", sum(funding) AS "FUNDING", sum(premium) AS "PREMIUM",
        sum(fees) AS "FEE_TRADE", sum(settlement) AS "SETTLEMENT"
    FROM result.variation
    WHERE run_id = $run_id AND clearing_member_id <> 'CCP'
    GROUP BY ALL
),
by_type AS (
    UNPIVOT settled ON "VM", "FUNDING", "PREMIUM", "FEE_TRADE", "SETTLEMENT" INTO NAME movement_type VALUE amount
),
posted AS (
    SELECT asset, movement_type, sum(amount) AS amount
    FROM result.ledger
    WHERE
        run_id = $run_id AND clearing_member_id <> 'CCP'
        AND movement_type IN ('VM', 'FUNDING', 'PREMIUM', 'FEE_TRADE', 'SETTLEMENT')
    GROUP BY ALL
)
SELECT
    concat_ws(' ', asset, movement_type) AS place, coalesce(posted.amount, 0)::VARCHAR AS found,
    coalesce(by_type.amount, 0)::VARCHAR AS expected
FROM posted
FULL JOIN by_type USING (asset, movement_type)
WHERE coalesce(posted.amount, 0) <> coalesce(by_type.amount, 0)
ORDER BY ALL
