-- What became of each message: the ledger, and the memory that makes a redelivery harmless.

CREATE TABLE receipt (
    message_id    text        NOT NULL,
    stream        text        NOT NULL,
    sequence      bigint      NOT NULL,
    kind          text        NOT NULL,
    readings      integer     NOT NULL,
    stored        integer     NOT NULL,
    superseded    integer     NOT NULL,
    duplicate     integer     NOT NULL,
    dead_lettered integer     NOT NULL,
    rejected      json        NOT NULL,
    received_at   timestamptz NOT NULL,
    settled_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (message_id, stream, sequence),
    CONSTRAINT every_reading_is_accounted_for
        CHECK (readings = stored + superseded + duplicate + dead_lettered)
);

CREATE INDEX receipt_by_sequence ON receipt (stream, kind, sequence);

COMMENT ON TABLE receipt IS 'One row for each message that was dealt with, and how many of its readings ended where.';
COMMENT ON COLUMN receipt.message_id IS 'Nats-Msg-Id: equal for equal content.';
COMMENT ON COLUMN receipt.rejected IS 'The dead-lettered readings: index, reason and error of each; no values.';

CREATE TABLE lone_start (
    message_id text    NOT NULL,
    stream     text    NOT NULL,
    sequence   bigint  NOT NULL,
    starts     integer NOT NULL,
    PRIMARY KEY (message_id, stream, sequence)
);

COMMENT ON TABLE lone_start IS
    'Messages whose handler began with no other message in hand and did not come to an end: they may kill the process.';
