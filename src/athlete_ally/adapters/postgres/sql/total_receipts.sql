-- Where all readings ended, by kind.
SELECT
    kind,
    sum(readings)      AS readings,
    sum(stored)        AS stored,
    sum(superseded)    AS superseded,
    sum(duplicate)     AS duplicate,
    sum(dead_lettered) AS dead_lettered
FROM receipt
GROUP BY kind
