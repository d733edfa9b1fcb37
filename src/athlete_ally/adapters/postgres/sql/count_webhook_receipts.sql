-- How many webhooks and documents of a vendor in this incarnation of a stream are unpacked. `since`: an older stream of
-- the same name used the same sequences. What was replayed to fetch has a receipt of its outcome here, and is fetch's.
SELECT count(*)
FROM webhook_receipt AS mine
WHERE vendor = $1 AND stream = $2 AND sequence >= $3 AND settled_at >= $4
AND (
    replay_of IS NULL
    OR NOT EXISTS (
        SELECT FROM fetch_receipt AS other
        WHERE (other.message_id, other.stream, other.sequence) = (mine.message_id, mine.stream, mine.sequence)
    )
)
