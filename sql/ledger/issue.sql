-- What a release says of calls becomes what the ledger says: its own calls are issued and replace their earlier versions,
-- calls of earlier cycles take the state its deposits, their age and the answers gave them. Each change is an event. An
-- intraday cycle asks for nothing and leaves earlier calls as they are, and so does one that is closed and restated: a
-- later end of day has told since what became of them.
CREATE OR REPLACE TEMPORARY TABLE told AS
WITH run AS (
    SELECT
        run_id, cycle LIKE 'ITD%' AS indicative,
        EXISTS (
            SELECT 1
            FROM control.cycle_run AS later
            JOIN control.release ON release.run_id = later.run_id AND release.state = 'PUBLISHED'
            WHERE later.cycle = 'EOD' AND later.as_of_ts > own.as_of_ts
        ) AS closed
    FROM control.cycle_run AS own
    WHERE run_id = $run_id
),
made AS (
    SELECT c.*, run.indicative FROM control.margin_call AS c JOIN run USING (run_id) WHERE c.state = 'APPROVED'
),
replaced AS (
    SELECT c.call_id, c.call_version, made.call_version AS by_version
    FROM control.margin_call AS c
    JOIN made ON made.call_id = c.call_id AND made.call_version = c.call_version + 1
    WHERE c.state <> 'MET'
),
change AS (
    SELECT
        0 AS step, call_id, call_version, 'SUPERSEDED' AS event, 'SUPERSEDED' AS state, NULL::DECIMAL(20, 2) AS met_usd,
        0::DECIMAL(20, 2) AS amount_usd, 'version ' || by_version AS reason
    FROM replaced
    UNION ALL
    SELECT
        1, call_id, call_version, 'ISSUED',
        CASE
            WHEN indicative THEN 'INDICATIVE'
            WHEN call_amount_usd = 0 THEN 'WITHDRAWN'
            WHEN met_amount_usd >= call_amount_usd THEN 'MET'
            WHEN met_amount_usd > 0 THEN 'PART_MET'
            ELSE 'ISSUED'
        END,
        met_amount_usd, greatest(increment_amount_usd, 0), reason_code
    FROM made
    UNION ALL
    SELECT
        2, call_id, call_version, CASE WHEN call_amount_usd = 0 THEN 'WITHDRAWN' ELSE 'CREDITED' END, NULL, NULL,
        -increment_amount_usd, reason_code
    FROM made WHERE increment_amount_usd < 0
    UNION ALL
    SELECT
        3, call_id, call_version, 'RETURNABLE', NULL, NULL, met_amount_usd - call_amount_usd, 'paid before'
    FROM made WHERE met_amount_usd > call_amount_usd
    UNION ALL
    SELECT
        4, o.call_id, o.call_version, o.state, o.state, o.call_amount_usd - o.closing_usd,
        CASE
            WHEN o.state IN ('MET', 'PART_MET', 'ACK') THEN o.call_amount_usd - o.closing_usd
            WHEN o.state = 'DISPUTED' THEN o.disputed_usd
            ELSE o.closing_usd
        END,
        o.cause
    FROM result.outstanding_call AS o
    JOIN control.margin_call AS c ON c.call_id = o.call_id AND c.call_version = o.call_version
    WHERE o.run_id IN (SELECT run_id FROM run WHERE NOT indicative AND NOT closed)
        AND (c.state <> o.state OR c.met_amount_usd <> o.call_amount_usd - o.closing_usd)
)
SELECT * FROM change;

INSERT INTO control.call_event
SELECT
    (SELECT coalesce(max(event_no), 0) FROM control.call_event) + row_number() OVER (ORDER BY step, call_id),
    call_id, call_version, event, amount_usd, $run_id, '', reason, $now
FROM told;

UPDATE control.margin_call AS c
SET state = told.state, met_amount_usd = coalesce(told.met_usd, c.met_amount_usd)
FROM told
WHERE told.state IS NOT NULL AND told.call_id = c.call_id AND told.call_version = c.call_version;

DROP TABLE told;
