-- From a row to the webhook that it came with, for as long as the row is there.

ALTER TABLE receipt ADD COLUMN parent_id text, ADD COLUMN parent_sequence bigint;
ALTER TABLE webhook_receipt ADD COLUMN parent_id text, ADD COLUMN parent_sequence bigint;

COMMENT ON COLUMN receipt.parent_id IS 'Nats-Msg-Id of the webhook, or the fetched document, that the message was unpacked from.';
COMMENT ON COLUMN receipt.parent_sequence IS 'Its sequence in AA_VENDOR_HOT.';
COMMENT ON COLUMN webhook_receipt.parent_id IS 'Of a fetched document: Nats-Msg-Id of the webhook that named it.';
COMMENT ON COLUMN webhook_receipt.parent_sequence IS 'Its sequence in AA_VENDOR_HOT.';
