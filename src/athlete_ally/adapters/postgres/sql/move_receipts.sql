-- The same content at the same sequence of a restored stream: its receipt is about the message that is there now.
UPDATE receipt AS held SET stored_at = moved.stored_at
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) AS moved (message_id, stream, sequence, stored_at)
WHERE (held.message_id, held.stream, held.sequence) = (moved.message_id, moved.stream, moved.sequence)
