-- What restored streams lost, and how much of that was processed before: messages with a receipt, counted once each.
SELECT
    life.stream,
    life.noticed_at,
    life.from_sequence,
    life.lost_since,
    life.lost_to - life.from_sequence + 1 AS messages,
    (
        SELECT count(DISTINCT receipts.sequence)
        FROM (
            SELECT stream, sequence, coalesce(stored_at, settled_at) AS stored_at FROM receipt
            UNION ALL
            SELECT stream, sequence, coalesce(stored_at, settled_at) FROM webhook_receipt
        ) AS receipts
        WHERE receipts.stream = life.stream
        AND receipts.sequence BETWEEN life.from_sequence AND life.lost_to
        AND receipts.stored_at BETWEEN life.lost_since AND life.started_at
    ) AS processed
FROM stream_life AS life
WHERE life.noticed_at >= $1 AND life.lost_to >= life.from_sequence
ORDER BY life.noticed_at DESC
