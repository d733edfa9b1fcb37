-- Sessions: the source's own name of a night or workout links its versions, and what was replaced or taken back stays so.

ALTER TABLE hrv_data ADD COLUMN session_id text;
ALTER TABLE sleep_data ADD COLUMN session_id text;
ALTER TABLE resting_heart_rate_data ADD COLUMN session_id text;
ALTER TABLE respiratory_rate_data ADD COLUMN session_id text;
ALTER TABLE spo2_data ADD COLUMN session_id text;
ALTER TABLE skin_temperature_data ADD COLUMN session_id text;
ALTER TABLE activity_data ADD COLUMN session_id text;
ALTER TABLE workout_data ADD COLUMN session_id text;
ALTER TABLE body_data ADD COLUMN session_id text;

CREATE INDEX hrv_data_by_session ON hrv_data (user_id, source, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX sleep_data_by_session ON sleep_data (user_id, source, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX resting_heart_rate_data_by_session ON resting_heart_rate_data (user_id, source, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX respiratory_rate_data_by_session ON respiratory_rate_data (user_id, source, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX spo2_data_by_session ON spo2_data (user_id, source, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX skin_temperature_data_by_session ON skin_temperature_data (user_id, source, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX activity_data_by_session ON activity_data (user_id, source, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX workout_data_by_session ON workout_data (user_id, source, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX body_data_by_session ON body_data (user_id, source, session_id) WHERE session_id IS NOT NULL;

COMMENT ON COLUMN hrv_data.session_id IS 'The source''s own name of the session, the same however often it changes.';
COMMENT ON COLUMN sleep_data.session_id IS 'The source''s own name of the session, the same however often it changes.';
COMMENT ON COLUMN resting_heart_rate_data.session_id IS 'The source''s own name of the session, the same however often it changes.';
COMMENT ON COLUMN respiratory_rate_data.session_id IS 'The source''s own name of the session, the same however often it changes.';
COMMENT ON COLUMN spo2_data.session_id IS 'The source''s own name of the session, the same however often it changes.';
COMMENT ON COLUMN skin_temperature_data.session_id IS 'The source''s own name of the session, the same however often it changes.';
COMMENT ON COLUMN activity_data.session_id IS 'The source''s own name of the session, the same however often it changes.';
COMMENT ON COLUMN workout_data.session_id IS 'The source''s own name of the session, the same however often it changes.';
COMMENT ON COLUMN body_data.session_id IS 'The source''s own name of the session, the same however often it changes.';

CREATE TABLE replaced_session (
    kind            text        NOT NULL,
    user_id         text        NOT NULL,
    source          text        NOT NULL,
    context         text        NOT NULL,
    period          text        NOT NULL,
    session_id      text,
    device          text,
    day             date,
    starts_at       timestamptz,
    ends_at         timestamptz,
    captured_at     timestamptz NOT NULL,
    stream_sequence bigint      NOT NULL,
    reading_index   integer     NOT NULL,
    reason          text        NOT NULL CHECK (reason IN ('replaced', 'deleted')),
    by_message      text        NOT NULL,
    by_sequence     bigint      NOT NULL,
    was_there       boolean     NOT NULL,
    replaced_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE UNIQUE INDEX replaced_session_key
    ON replaced_session (user_id, kind, source, context, period, (coalesce(session_id, '')));
CREATE INDEX replaced_session_by_message ON replaced_session (by_message, by_sequence);

COMMENT ON TABLE replaced_session IS
    'Versions of sessions that a newer version replaced, or that their source took back: they do not come back.';
COMMENT ON COLUMN replaced_session.by_message IS 'Nats-Msg-Id of the message that replaced it or took it back.';
COMMENT ON COLUMN replaced_session.was_there IS 'Whether a row went: that is announced.';
