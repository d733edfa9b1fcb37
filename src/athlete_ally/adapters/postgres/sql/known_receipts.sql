-- What is on record for these message ids.
SELECT message_id, stream, sequence, rejected FROM receipt WHERE message_id = ANY ($1::text[])
