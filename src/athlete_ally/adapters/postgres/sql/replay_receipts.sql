-- The outcomes of the replays of these dead letters, in order. A replay that was published twice has a second receipt, which
-- says nothing. A webhook is replayed whole for as long as any item of it fails again.
SELECT replay_of, message_id, settled_at, readings, stored, superseded, rejected, sequence FROM receipt
WHERE replay_of = ANY ($1::text[]) AND duplicate < readings
UNION ALL
SELECT
    replay_of, message_id, settled_at, CASE WHEN dead_lettered > 0 THEN dead_lettered ELSE readings END, readings, 0,
    rejected, sequence
FROM webhook_receipt
WHERE replay_of = ANY ($1::text[])
ORDER BY settled_at, sequence
