-- Record the outcome of a webhook; a row that is there already is of another worker, or of an earlier
-- life of the stream.
INSERT INTO webhook_receipt (
    message_id, stream, sequence, vendor, result, readings, resources, dead_lettered, received_at, trace_id, parent_id,
    parent_sequence, replay_of, rejected, stored_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::json, $15)
ON CONFLICT (message_id, stream, sequence) DO UPDATE SET stored_at = excluded.stored_at
