-- Skin temperature: one row for each person, period, source and context.

CREATE TABLE skin_temperature_data (
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
    skin_celsius      double precision,
    deviation_celsius double precision,
    PRIMARY KEY (user_id, period, source, context)
);

CREATE INDEX skin_temperature_data_by_day ON skin_temperature_data (user_id, day);

COMMENT ON TABLE skin_temperature_data IS 'Skin temperature, normalised; in degrees Celsius.';
COMMENT ON COLUMN skin_temperature_data.period IS 'Start of the interval in UTC, or the local day where there is no interval.';
COMMENT ON COLUMN skin_temperature_data.day IS 'The person''s own calendar day; a night belongs to the day the person woke up.';
COMMENT ON COLUMN skin_temperature_data.deviation_celsius IS 'Against the source''s own baseline of this person.';
COMMENT ON COLUMN skin_temperature_data.message_id IS 'Lineage: Nats-Msg-Id of the message that this row came from.';
COMMENT ON COLUMN skin_temperature_data.stream_sequence IS 'Lineage, and the order of messages of equal captured_at.';
