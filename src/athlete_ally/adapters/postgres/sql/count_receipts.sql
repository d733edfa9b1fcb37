-- How many messages of a kind in this life of a stream are dealt with. An older stream of the same name, and the same
-- stream before it was restored, used the same sequences for other messages.
SELECT count(*)
FROM receipt AS mine
WHERE kind = $1 AND stream = $2 AND sequence >= $3
AND NOT EXISTS (
    SELECT FROM stream_life AS later
    WHERE later.stream = mine.stream
    AND later.from_sequence <= mine.sequence
    AND later.started_at > coalesce(mine.stored_at, mine.settled_at)
)
