-- The senders most of whose readings of a kind were of use: by the latest receipts, as far as they are no older than
-- `since`. The limit stands inside, so that the index gives them whatever else the table holds.
SELECT sender
FROM (
    SELECT sender, readings, dead_lettered, settled_at
    FROM receipt
    WHERE stream = $1 AND kind = $2 AND replay_of IS NULL
    ORDER BY sequence DESC
    LIMIT 1000
) AS latest
WHERE sender IS NOT NULL AND settled_at >= $3
GROUP BY sender
HAVING 2 * sum(dead_lettered) < sum(readings)
