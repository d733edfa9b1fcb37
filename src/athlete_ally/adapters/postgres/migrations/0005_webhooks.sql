-- Whose accounts at vendors are whose, and what became of each webhook.

CREATE TABLE vendor_account (
    vendor     text        NOT NULL,
    account    text        NOT NULL,
    user_id    text        NOT NULL,
    linked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at timestamptz,
    PRIMARY KEY (vendor, account)
);

COMMENT ON TABLE vendor_account IS 'Which person of ours an account at a vendor belongs to.';
COMMENT ON COLUMN vendor_account.account IS 'The vendor''s id of the person: personal data, never in a log, a series or a header.';
COMMENT ON COLUMN vendor_account.withdrawn_at IS 'When the person took the vendor''s permission back, by the vendor''s word.';

CREATE TABLE webhook_receipt (
    message_id    text        NOT NULL,
    stream        text        NOT NULL,
    sequence      bigint      NOT NULL,
    vendor        text        NOT NULL,
    result        text        NOT NULL,
    readings      integer     NOT NULL,
    resources     integer     NOT NULL,
    dead_lettered integer     NOT NULL,
    received_at   timestamptz NOT NULL,
    settled_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (message_id, stream, sequence)
);

CREATE INDEX webhook_receipt_by_sequence ON webhook_receipt (stream, vendor, sequence);

COMMENT ON TABLE webhook_receipt IS 'One row for each webhook that was dealt with: what it held, and what of it could not be used.';
COMMENT ON COLUMN webhook_receipt.readings IS 'Readings published for the kinds'' own workers.';
COMMENT ON COLUMN webhook_receipt.resources IS 'Resources that it names and does not hold.';
COMMENT ON COLUMN webhook_receipt.dead_lettered IS 'Items and readings that are in AA_DLQ.';
