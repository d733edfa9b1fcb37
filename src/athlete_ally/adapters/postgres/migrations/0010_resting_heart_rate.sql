-- Resting heart rate: one row for each person, period, source and context.

CREATE TABLE resting_heart_rate_data (
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
    resting_bpm double precision NOT NULL CHECK (resting_bpm > 0),
    PRIMARY KEY (user_id, period, source, context)
);

CREATE INDEX resting_heart_rate_data_by_day ON resting_heart_rate_data (user_id, day);

COMMENT ON TABLE resting_heart_rate_data IS 'Resting heart rate, normalised; in beats per minute.';
COMMENT ON COLUMN resting_heart_rate_data.period IS 'Start of the interval in UTC, or the local day where there is no interval.';
COMMENT ON COLUMN resting_heart_rate_data.day IS 'The person''s own calendar day; a night belongs to the day the person woke up.';
COMMENT ON COLUMN resting_heart_rate_data.resting_bpm IS 'As the source defines it: awake and still, or the lowest of a night.';
COMMENT ON COLUMN resting_heart_rate_data.message_id IS 'Lineage: Nats-Msg-Id of the message that this row came from.';
COMMENT ON COLUMN resting_heart_rate_data.stream_sequence IS 'Lineage, and the order of messages of equal captured_at.';
