-- How many webhooks and documents of a vendor in this life of a stream are unpacked. As `count_receipts`. What was
-- replayed to fetch has a receipt of its outcome here, and is fetch's.
SELECT count(*)
FROM webhook_receipt AS mine
WHERE vendor = $1 AND stream = $2 AND sequence >= $3
AND NOT EXISTS (
    SELECT FROM stream_life AS later
    WHERE later.stream = mine.stream
    AND later.from_sequence <= mine.sequence
    AND later.started_at > coalesce(mine.stored_at, mine.settled_at)
)
AND (
    replay_of IS NULL
    OR NOT EXISTS (
        SELECT FROM fetch_receipt AS other
        WHERE (other.message_id, other.stream, other.sequence) = (mine.message_id, mine.stream, mine.sequence)
    )
)
