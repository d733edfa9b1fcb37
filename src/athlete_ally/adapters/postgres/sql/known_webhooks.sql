-- Which of these webhooks are on record as dealt with. A receipt of an earlier life of the stream is about another one.
SELECT message_id, stream, sequence, asked.stored_at
FROM webhook_receipt AS held
JOIN unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) AS asked (message_id, stream, sequence, stored_at)
USING (message_id, stream, sequence)
WHERE coalesce(held.stored_at, asked.stored_at) = asked.stored_at
