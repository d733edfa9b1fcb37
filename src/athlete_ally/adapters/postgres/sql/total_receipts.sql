-- Where all readings ended, by kind. A replay brings no readings of its own: it moves some from dead-lettered to where
-- they ended now, and published twice it is not a duplicate of anything that a sender sent.
SELECT
    kind,
    coalesce(sum(readings) FILTER (WHERE replay_of IS NULL), 0)  AS readings,
    sum(stored)                                                  AS stored,
    sum(superseded)                                              AS superseded,
    coalesce(sum(duplicate) FILTER (WHERE replay_of IS NULL), 0) AS duplicate,
    sum(dead_lettered)
        - coalesce(sum(readings - duplicate) FILTER (WHERE replay_of IS NOT NULL), 0) AS dead_lettered
FROM receipt
GROUP BY kind
