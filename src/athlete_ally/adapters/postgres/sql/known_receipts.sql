-- What is on record for these message ids.
SELECT message_id, stream, sequence, stored, rejected FROM receipt WHERE message_id = ANY ($1::text[])
