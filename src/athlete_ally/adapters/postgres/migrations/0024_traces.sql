-- From a row to the trace of the request that brought it, for as long as the row is there.

ALTER TABLE receipt ADD COLUMN trace_id text;
ALTER TABLE webhook_receipt ADD COLUMN trace_id text;

COMMENT ON COLUMN receipt.trace_id IS 'W3C trace id of the message, where it had one.';
COMMENT ON COLUMN webhook_receipt.trace_id IS 'W3C trace id of the webhook, where it had one; that of the readings that were in it.';
