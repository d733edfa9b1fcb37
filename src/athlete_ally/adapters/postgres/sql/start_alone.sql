-- Count one more start of a message that is handled by itself.
INSERT INTO lone_start AS held (message_id, stream, sequence, starts) VALUES ($1, $2, $3, 1)
ON CONFLICT (message_id, stream, sequence) DO UPDATE SET starts = held.starts + 1
RETURNING starts
