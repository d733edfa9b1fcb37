-- Put on record that fetch is done with a webhook; a row that is there already is of another worker, or of an earlier life of
-- the stream.
INSERT INTO fetch_receipt (message_id, stream, sequence, vendor, fetched, dead_lettered, stored_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (message_id, stream, sequence) DO UPDATE SET stored_at = excluded.stored_at
