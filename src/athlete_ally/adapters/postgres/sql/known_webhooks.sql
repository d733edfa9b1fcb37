-- Which of these webhooks are on record as dealt with.
SELECT message_id, stream, sequence
FROM webhook_receipt
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS asked (message_id, stream, sequence)
USING (message_id, stream, sequence)
