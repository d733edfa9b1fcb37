-- Sleep: one row for each person, period, source and context.

CREATE TABLE sleep_data (
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
    asleep_min         double precision NOT NULL CHECK (asleep_min > 0),
    awake_min          double precision,
    light_min          double precision,
    deep_min           double precision,
    rem_min            double precision,
    efficiency_percent double precision,
    quality_score      double precision,
    PRIMARY KEY (user_id, period, source, context)
);

CREATE INDEX sleep_data_by_day ON sleep_data (user_id, day);

COMMENT ON TABLE sleep_data IS 'Sleep, normalised; minutes throughout.';
COMMENT ON COLUMN sleep_data.period IS 'Start of the interval in UTC, or the local day where there is no interval.';
COMMENT ON COLUMN sleep_data.day IS 'The person''s own calendar day; a night belongs to the day the person woke up.';
COMMENT ON COLUMN sleep_data.quality_score IS 'The source''s own score, 0 to 100; not comparable across sources.';
COMMENT ON COLUMN sleep_data.message_id IS 'Lineage: Nats-Msg-Id of the message that this row came from.';
COMMENT ON COLUMN sleep_data.stream_sequence IS 'Lineage, and the order of messages of equal captured_at.';
