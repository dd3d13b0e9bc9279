-- critical · book · F17 · a member's LEI is well formed, passes its check digits and names one member
-- Do: correct the LEI, or leave it empty.
-- ISO 17442: letters stand for 10 to 35; the number they spell, modulo 97, is 1.
WITH spelled AS (
    SELECT
        *,
        list_reduce(
            list_prepend(
                0::BIGINT,
                list_transform(
                    string_split(upper(lei), ''),
                    lambda c: CASE WHEN c BETWEEN '0' AND '9' THEN ascii(c) - 48 ELSE ascii(c) - 55 END::BIGINT
                )
            ),
            lambda sum, digit: (sum * CASE WHEN digit > 9 THEN 100 ELSE 10 END + digit) % 97
        ) AS remainder
    FROM book.member
    WHERE run_id = $run_id AND lei IS NOT NULL
)
SELECT
    'members' AS dataset, file_id, source_line, clearing_member_id, lei AS value,
    'ISO 17442, one member' AS limit_value
FROM spelled
WHERE true
QUALIFY
    NOT regexp_full_match(lei, '[A-Z0-9]{18}[0-9]{2}') OR remainder <> 1 OR count(*) OVER (PARTITION BY lei) > 1
