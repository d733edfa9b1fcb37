-- Blood oxygen saturation: one row for each person, period, source and context.

CREATE TABLE spo2_data (
    user_id         text        NOT NULL,
    period          text        NOT NULL,
    source          text        NOT NULL,
    context         text        NOT NULL,
    day             date        NOT NULL,
    starts_at       timestamptz,
    ends_at         timestamptz,
    device          text,
    raw             json,
    quality_flags   text[]      NOT NULL,
    captured_at     timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    stored_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    message_id      text        NOT NULL,
    stream_sequence bigint      NOT NULL,
    reading_index   integer     NOT NULL,
    spo2_percent   double precision NOT NULL CHECK (spo2_percent BETWEEN 0 AND 100),
    lowest_percent double precision,
    PRIMARY KEY (user_id, period, source, context)
);

CREATE INDEX spo2_data_by_day ON spo2_data (user_id, day);

COMMENT ON TABLE spo2_data IS 'Blood oxygen saturation, normalised; in per cent.';
COMMENT ON COLUMN spo2_data.period IS 'Start of the interval in UTC, or the local day where there is no interval.';
COMMENT ON COLUMN spo2_data.day IS 'The person''s own calendar day; a night belongs to the day the person woke up.';
COMMENT ON COLUMN spo2_data.spo2_percent IS 'The average of an interval, or a single value.';
COMMENT ON COLUMN spo2_data.message_id IS 'Lineage: Nats-Msg-Id of the message that this row came from.';
COMMENT ON COLUMN spo2_data.stream_sequence IS 'Lineage, and the order of messages of equal captured_at.';
