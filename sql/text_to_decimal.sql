-- Delivered texts as decimals, at each connection. A cast to more than 18 digits takes fifty times one to fewer, and
-- hardly a figure needs them: the long way is for those that do not fit, and says what is wrong with one that is none.
-- At eighteen places a short text is taken by fewer, so that none of its digits can be rounded off.
CREATE OR REPLACE TEMP MACRO decimal_28_8(text) AS
    coalesce(try_cast(text AS DECIMAL(18, 8)), CAST(text AS DECIMAL(28, 8)));

CREATE OR REPLACE TEMP MACRO decimal_38_12(text) AS
    coalesce(try_cast(text AS DECIMAL(18, 12)), CAST(text AS DECIMAL(38, 12)));

CREATE OR REPLACE TEMP MACRO decimal_38_18(text) AS
    coalesce(
        CASE WHEN regexp_full_match(text, '-?[0-9]+([.][0-9]{1,8})?') THEN try_cast(text AS DECIMAL(18, 8)) END,
        CAST(text AS DECIMAL(38, 18))
    );
