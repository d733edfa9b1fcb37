-- Body mass and composition: one row for each person, period, source and context.

CREATE TABLE body_data (
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
    mass_kg          double precision CHECK (mass_kg > 0),
    fat_percent      double precision,
    fat_free_mass_kg double precision,
    muscle_mass_kg   double precision,
    water_percent    double precision,
    bone_mass_kg     double precision,
    height_m         double precision,
    PRIMARY KEY (user_id, period, source, context)
);

CREATE INDEX body_data_by_day ON body_data (user_id, day);

COMMENT ON TABLE body_data IS 'Body mass and composition, normalised; in kilograms, per cent and metres.';
COMMENT ON COLUMN body_data.period IS 'Start of the interval in UTC, or the local day where there is no interval.';
COMMENT ON COLUMN body_data.day IS 'The person''s own calendar day; a night belongs to the day the person woke up.';
COMMENT ON COLUMN body_data.muscle_mass_kg IS 'The source''s own idea of muscle.';
COMMENT ON COLUMN body_data.message_id IS 'Lineage: Nats-Msg-Id of the message that this row came from.';
COMMENT ON COLUMN body_data.stream_sequence IS 'Lineage, and the order of messages of equal captured_at.';
