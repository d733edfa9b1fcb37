-- Put on record what became of messages; a row that is there already means that another worker had the same message.
INSERT INTO receipt (
    message_id, stream, sequence, kind, readings, stored, superseded, duplicate, dead_lettered, rejected, received_at,
    replay_of, trace_id, parent_id, parent_sequence, sender, stored_at
)
SELECT
    message_id, stream, sequence, kind, readings, stored, superseded, duplicate, dead_lettered, rejected::json,
    received_at, replay_of, trace_id, parent_id, parent_sequence, sender, stored_at
FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::integer[], $6::integer[], $7::integer[], $8::integer[],
    $9::integer[], $10::text[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::text[],
    $17::timestamptz[]
) AS new (
    message_id, stream, sequence, kind, readings, stored, superseded, duplicate, dead_lettered, rejected, received_at,
    replay_of, trace_id, parent_id, parent_sequence, sender, stored_at
)
