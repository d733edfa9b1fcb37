-- What is on record of webhooks and documents: what was made of each, and which of that has receipts of its own.
SELECT
    message_id,
    max(readings) AS readings,
    max(resources) > 0 AND max(vendor) = ANY ($2::text[]) AND NOT EXISTS (
        SELECT FROM fetch_receipt AS fetched WHERE fetched.message_id = webhook_receipt.message_id
    ) AS awaits_fetch,
    (
        SELECT json_object_agg(child.message_id, child.readings)
        FROM (SELECT DISTINCT message_id, readings FROM receipt WHERE parent_id = webhook_receipt.message_id) AS child
    ) AS children
FROM webhook_receipt
WHERE message_id = ANY ($1::text[])
GROUP BY message_id
