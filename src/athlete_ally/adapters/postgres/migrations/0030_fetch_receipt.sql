-- What fetch did with each webhook, so that its books can be balanced like those of the other workers.

CREATE TABLE fetch_receipt (
    message_id    text        NOT NULL,
    stream        text        NOT NULL,
    sequence      bigint      NOT NULL,
    vendor        text        NOT NULL,
    fetched       integer     NOT NULL,
    dead_lettered integer     NOT NULL,
    settled_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (message_id, stream, sequence)
);

CREATE INDEX fetch_receipt_by_sequence ON fetch_receipt (stream, vendor, sequence);

COMMENT ON TABLE fetch_receipt IS 'One row for each webhook that fetch is done with: `webhook_receipt` is about its unpacking.';
COMMENT ON COLUMN fetch_receipt.fetched IS 'Answers of the vendor that were put into AA_VENDOR_HOT.';
COMMENT ON COLUMN fetch_receipt.dead_lettered IS 'Resources that can''t be fetched, and are in AA_DLQ.';
