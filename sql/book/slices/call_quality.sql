-- How often a declared fallback stands behind an account's figures, by word (see the model's quality).
WITH held AS (
    SELECT DISTINCT
        p.clearing_member_id, p.margin_account_id, a.account_type, c.contract_id, c.underlying_asset AS underlying,
        c.kind, m.method, m.quality, m.final_price IS NOT NULL OR c.status = 'SETTLED' AS expired
    FROM book.position AS p
    JOIN book.account AS a
        ON a.run_id = p.run_id AND a.clearing_member_id = p.clearing_member_id
        AND a.margin_account_id = p.margin_account_id
    JOIN book.contract AS c ON c.run_id = p.run_id AND c.contract_id = p.contract_id
    JOIN result.mark AS m ON m.run_id = p.run_id AND m.contract_id = p.contract_id
    WHERE p.run_id = $run_id AND p.qty_close <> 0
),
live AS (
    SELECT clearing_member_id, margin_account_id, account_type, underlying, bool_or(kind = 'OPT') AS options
    FROM held
    WHERE NOT expired
    GROUP BY ALL
),
sets AS (
    SELECT DISTINCT l.clearing_member_id, l.margin_account_id, s.scenario_set, s.scenarios, s.dropped
    FROM live AS l
    JOIN result.scenario_set AS s
        ON s.run_id = $run_id AND s.account_type = l.account_type AND s.underlying = l.underlying
),
counted AS (
    SELECT clearing_member_id, margin_account_id, 'HELD' AS word, lines AS count
    FROM result.held WHERE run_id = $run_id
    UNION ALL
    SELECT clearing_member_id, margin_account_id, 'MODEL_PRICE', count(*)
    FROM held WHERE method = 'MODEL_PRICE' OR quality = 'MODEL' GROUP BY ALL
    UNION ALL
    SELECT clearing_member_id, margin_account_id, quality, count(*)
    FROM held WHERE quality NOT IN ('OK', 'MODEL') GROUP BY ALL
    UNION ALL
    SELECT clearing_member_id, margin_account_id, 'FUNDING_PROXY', count(*)
    FROM result.variation WHERE run_id = $run_id AND funding_quality = 'PROXY' GROUP BY ALL
    UNION ALL
    SELECT l.clearing_member_id, l.margin_account_id, s.scenario_set || '_PROXY', count(DISTINCT s.scenario_id)
    FROM live AS l
    JOIN result.scenario_set AS t
        ON t.run_id = $run_id AND t.account_type = l.account_type AND t.underlying = l.underlying
    JOIN result.scenario AS s
        ON s.run_id = t.run_id AND s.scenario_set = t.scenario_set AND s.underlying = t.underlying
        AND s.horizon_days = t.horizon_days AND s.quality = 'PROXY'
    GROUP BY l.clearing_member_id, l.margin_account_id, s.scenario_set
    UNION ALL
    SELECT clearing_member_id, margin_account_id, 'HISTORY_DROPPED', sum(dropped) FROM sets GROUP BY ALL
    UNION ALL
    SELECT clearing_member_id, margin_account_id, 'VOL_PROXY', sum(most)
    FROM (
        SELECT l.clearing_member_id, l.margin_account_id, s.scenario_set, max(s.vol_proxied) AS most
        FROM live AS l
        JOIN result.scenario_set AS s
            ON s.run_id = $run_id AND s.account_type = l.account_type AND s.underlying = l.underlying
        WHERE l.options
        GROUP BY ALL
    )
    GROUP BY ALL
    UNION ALL
    SELECT l.clearing_member_id, l.margin_account_id,
        CASE WHEN NOT s.certified THEN 'SURFACE_UNCERTIFIED' ELSE 'SURFACE_' || s.method END, count(*)
    FROM live AS l
    JOIN result.surface AS s
        ON s.run_id = $run_id AND s.underlying = l.underlying AND (NOT s.certified OR s.method <> 'SVI')
    WHERE l.options
    GROUP BY ALL
    UNION ALL
    SELECT clearing_member_id, margin_account_id, 'SMILE_FLAT', count(DISTINCT contract_id)
    FROM result.position_risk WHERE run_id = $run_id AND smile = 'FLAT' GROUP BY ALL
    UNION ALL
    SELECT clearing_member_id, margin_account_id, 'FIXING_PROXY', count(DISTINCT contract_id)
    FROM result.position_risk WHERE run_id = $run_id AND fixing = 'PROXY' GROUP BY ALL
    UNION ALL
    SELECT l.clearing_member_id, l.margin_account_id, q.word, count(*)
    FROM live AS l
    JOIN (
        UNPIVOT (
            SELECT
                underlying, spread_quality AS "DEPTH_PROXY", volume_quality AS "VOLUME_PROXY",
                vega_quality AS "VEGA_PROXY"
            FROM result.liquidity
            WHERE run_id = $run_id
        ) ON "DEPTH_PROXY", "VOLUME_PROXY", "VEGA_PROXY" INTO NAME word VALUE quality
    ) AS q ON q.underlying = l.underlying AND q.quality = 'PROXY' AND (l.options OR q.word <> 'VEGA_PROXY')
    GROUP BY ALL
    UNION ALL
    SELECT a.clearing_member_id, a.margin_account_id, 'RATING_MISSING', count(*)
    FROM book.account AS a
    LEFT JOIN book.member AS m ON m.run_id = a.run_id AND m.clearing_member_id = a.clearing_member_id
    WHERE a.run_id = $run_id AND coalesce(m.surveillance_level, -1) < 0 AND NOT coalesce(isfinite(m.credit_score), FALSE)
    GROUP BY ALL
    UNION ALL
    SELECT b.clearing_member_id, b.margin_account_id, 'COLLATERAL_PRICE', count(*)
    FROM result.balance AS b
    JOIN result.asset_price AS p ON p.run_id = b.run_id AND p.asset = b.asset AND p.quality <> 'OK'
    WHERE b.run_id = $run_id AND b.closing <> 0
    GROUP BY ALL
    UNION ALL
    SELECT b.clearing_member_id, b.margin_account_id, 'SINGLE_SOURCE', count(*)
    FROM result.balance AS b
    JOIN result.asset_price AS p ON p.run_id = b.run_id AND p.asset = b.asset AND p.sources = 1
    WHERE b.run_id = $run_id AND b.closing <> 0
    GROUP BY ALL
    UNION ALL
    SELECT b.clearing_member_id, b.margin_account_id, 'HAIRCUT_PROXY', count(*)
    FROM result.balance AS b
    JOIN result.haircut AS h ON h.run_id = b.run_id AND h.asset = b.asset AND h.quality = 'PROXY'
    WHERE b.run_id = $run_id AND b.closing <> 0
    GROUP BY ALL
    UNION ALL
    SELECT clearing_member_id, margin_account_id, 'JOINT_AS_HAIRCUT', count(*)
    FROM book.account
    WHERE run_id = $run_id AND collateral_mode = 'joint' AND account_type = 'CLIENT_GROSS' GROUP BY ALL
)
SELECT clearing_member_id, margin_account_id, word, CAST(count AS BIGINT) AS count
FROM counted
ORDER BY ALL
