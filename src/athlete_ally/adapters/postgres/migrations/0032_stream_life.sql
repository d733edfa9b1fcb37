-- A stream that was restored to an earlier state uses sequences again: which of its lives a receipt is about.

ALTER TABLE receipt ADD COLUMN stored_at timestamptz;
ALTER TABLE webhook_receipt ADD COLUMN stored_at timestamptz;
ALTER TABLE fetch_receipt ADD COLUMN stored_at timestamptz;

COMMENT ON COLUMN receipt.stored_at IS
    'When the stream stored the message; NULL in rows of earlier versions, for which settled_at counts.';
COMMENT ON COLUMN webhook_receipt.stored_at IS 'When the stream stored the message; as in receipt.';
COMMENT ON COLUMN fetch_receipt.stored_at IS 'When the stream stored the message; as in receipt.';

CREATE TABLE stream_cursor (
    stream     text        PRIMARY KEY,
    created_at timestamptz NOT NULL,
    sequence   bigint      NOT NULL,
    stored_at  timestamptz NOT NULL
);

COMMENT ON TABLE stream_cursor IS 'The last message that was seen in each stream: it shows that a stream was restored.';
COMMENT ON COLUMN stream_cursor.created_at IS 'When the stream was created; a restored one may keep it.';

CREATE TABLE stream_life (
    stream        text        NOT NULL,
    started_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    from_sequence bigint      NOT NULL,
    lost_to       bigint      NOT NULL,
    lost_since    timestamptz NOT NULL,
    noticed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stream, started_at)
);

COMMENT ON TABLE stream_life IS 'The lives of streams: one row for each time that a stream was created or restored.';
COMMENT ON COLUMN stream_life.from_sequence IS
    'The first sequence that is used again: receipts from there on, of messages stored before started_at, count no more.';
COMMENT ON COLUMN stream_life.lost_to IS 'The last sequence that was seen in the life before.';
COMMENT ON COLUMN stream_life.lost_since IS 'When the last message was stored that both lives have.';
