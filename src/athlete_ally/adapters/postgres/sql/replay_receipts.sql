-- What became of the replays of these letters, in order. A replay that was published twice has a second receipt, which
-- says nothing.
SELECT replay_of, message_id, settled_at, readings, stored, superseded, rejected FROM receipt
WHERE replay_of = ANY ($1::text[]) AND duplicate < readings
ORDER BY settled_at, sequence
