-- How many webhooks of a vendor in this life of a stream fetch is done with. As `count_receipts`.
SELECT count(*)
FROM fetch_receipt AS mine
WHERE vendor = $1 AND stream = $2 AND sequence >= $3
AND NOT EXISTS (
    SELECT FROM stream_life AS later
    WHERE later.stream = mine.stream
    AND later.from_sequence <= mine.sequence
    AND later.started_at > coalesce(mine.stored_at, mine.settled_at)
)
