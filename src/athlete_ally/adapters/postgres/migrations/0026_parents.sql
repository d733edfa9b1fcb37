-- From a row to the webhook that it came with, for as long as the row is there; and what became of replayed webhooks.

ALTER TABLE receipt ADD COLUMN parent_id text, ADD COLUMN parent_sequence bigint;
ALTER TABLE webhook_receipt ADD COLUMN parent_id text, ADD COLUMN parent_sequence bigint;

COMMENT ON COLUMN receipt.parent_id IS 'Nats-Msg-Id of the webhook, or the fetched document, that the message was unpacked from.';
COMMENT ON COLUMN receipt.parent_sequence IS 'Its sequence in AA_VENDOR_HOT.';
COMMENT ON COLUMN webhook_receipt.parent_id IS 'Of a fetched document: Nats-Msg-Id of the webhook that named it.';
COMMENT ON COLUMN webhook_receipt.parent_sequence IS 'Its sequence in AA_VENDOR_HOT.';

ALTER TABLE webhook_receipt ADD COLUMN replay_of text, ADD COLUMN rejected json NOT NULL DEFAULT '[]';

CREATE INDEX webhook_receipt_by_replay ON webhook_receipt (replay_of) WHERE replay_of IS NOT NULL;

COMMENT ON COLUMN webhook_receipt.replay_of IS 'Identity of the dead letter that this message replayed.';
COMMENT ON COLUMN webhook_receipt.rejected IS 'Of a replay: index, reason and error of each item that failed again, without values.';
