-- Workouts: one row for each person, period, source and context.

CREATE TABLE workout_data (
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
    sport        text NOT NULL,
    duration_min double precision,
    energy_kcal  double precision,
    distance_m   double precision,
    ascent_m     double precision,
    average_bpm  double precision,
    max_bpm      double precision,
    load         double precision,
    PRIMARY KEY (user_id, period, source, context)
);

CREATE INDEX workout_data_by_day ON workout_data (user_id, day);

COMMENT ON TABLE workout_data IS 'Workouts, normalised; one row for each session.';
COMMENT ON COLUMN workout_data.period IS 'Start of the interval in UTC, or the local day where there is no interval.';
COMMENT ON COLUMN workout_data.day IS 'The person''s own calendar day; a night belongs to the day the person woke up.';
COMMENT ON COLUMN workout_data.sport IS 'The source''s own word.';
COMMENT ON COLUMN workout_data.load IS 'The source''s own number (strain, training load); not comparable across sources.';
COMMENT ON COLUMN workout_data.message_id IS 'Lineage: Nats-Msg-Id of the message that this row came from.';
COMMENT ON COLUMN workout_data.stream_sequence IS 'Lineage, and the order of messages of equal captured_at.';
