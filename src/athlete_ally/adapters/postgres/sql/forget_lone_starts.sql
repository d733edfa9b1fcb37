-- These messages came to an end: they did not kill the process.
DELETE FROM lone_start WHERE message_id = ANY ($1::text[])
