-- The latest time this home wrote down by its own clock.
SELECT greatest(
    (SELECT max(known_from_ts) FROM raw.file),
    (SELECT max(finished_ts) FROM control.stage_run),
    (SELECT max(since_ts) FROM control.holder WHERE token < (SELECT max(token) FROM control.holder))
) AS latest
