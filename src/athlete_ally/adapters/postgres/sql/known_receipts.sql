-- What is on record for these message ids.
SELECT message_id, stream, sequence, stored, rejected, stored_at FROM receipt WHERE message_id = ANY ($1::text[])
