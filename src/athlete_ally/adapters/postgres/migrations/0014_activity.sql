-- Activity of a day: one row for each person, period, source and context.

CREATE TABLE activity_data (
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
    step_count         double precision,
    distance_m         double precision,
    active_energy_kcal double precision,
    total_energy_kcal  double precision,
    active_min         double precision,
    light_min          double precision,
    moderate_min       double precision,
    vigorous_min       double precision,
    sedentary_min      double precision,
    floor_count        double precision,
    score              double precision,
    PRIMARY KEY (user_id, period, source, context)
);

CREATE INDEX activity_data_by_day ON activity_data (user_id, day);

COMMENT ON TABLE activity_data IS 'Activity of a day, normalised; each number as the source counts it.';
COMMENT ON COLUMN activity_data.period IS 'Start of the interval in UTC, or the local day where there is no interval.';
COMMENT ON COLUMN activity_data.day IS 'The person''s own calendar day; a night belongs to the day the person woke up.';
COMMENT ON COLUMN activity_data.score IS 'The source''s own score, 0 to 100; not comparable across sources.';
COMMENT ON COLUMN activity_data.total_energy_kcal IS 'With the basal metabolism; active_energy_kcal is without.';
COMMENT ON COLUMN activity_data.message_id IS 'Lineage: Nats-Msg-Id of the message that this row came from.';
COMMENT ON COLUMN activity_data.stream_sequence IS 'Lineage, and the order of messages of equal captured_at.';
