-- Changes: where each row stands in the order of changes, so that a reader hears of every one of them.

CREATE TABLE feed_life (
    life              smallint    PRIMARY KEY CHECK (life > 0),
    system_identifier bigint      NOT NULL,
    timeline          text        NOT NULL,
    began_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (system_identifier, timeline)
);

COMMENT ON TABLE feed_life IS
    'One row for each history of transaction numbers: a restored or promoted server counts on from another number.';

-- Transaction numbers order changes better than instants do: a number below the snapshot's xmin is of a transaction
-- that has ended, so that nothing can appear behind it. They are unique within one history only, hence the life in front:
-- 15 bits for the life, 48 for the number.
CREATE FUNCTION change_position() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    this_system   bigint := (SELECT system_identifier FROM pg_control_system());
    this_timeline text := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    this_life     smallint;
BEGIN
    LOOP
        SELECT life INTO this_life FROM feed_life WHERE (system_identifier, timeline) = (this_system, this_timeline);
        EXIT WHEN this_life IS NOT NULL;
        INSERT INTO feed_life (life, system_identifier, timeline)
        SELECT coalesce(max(life), 0) + 1, this_system, this_timeline FROM feed_life
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN (this_life::bigint << 48) | pg_current_xact_id()::text::bigint;
END
$$;

COMMENT ON FUNCTION change_position IS 'The place of this transaction in the order of changes; the same all through it.';

-- Changes before this position are complete: every transaction that could have made one has ended. Also on a standby.
CREATE FUNCTION change_horizon() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (coalesce(max(life), 0)::bigint << 48) | pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM feed_life
$$;

COMMENT ON FUNCTION change_horizon IS 'Every change before this position can be seen, and none will be added there.';

-- What was stored before has position 0, and an index of its own that is empty where all was stored since.
DO $$
DECLARE
    kind text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['hrv', 'sleep', 'resting_heart_rate', 'respiratory_rate', 'spo2', 'skin_temperature',
                                'activity', 'workout', 'body'] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN created_position bigint NOT NULL DEFAULT 0, '
                       'ADD COLUMN changed_position bigint NOT NULL DEFAULT 0', kind || '_data');
        EXECUTE format('CREATE INDEX %I ON %I (changed_position) WHERE changed_position > 0',
                       kind || '_data_by_change', kind || '_data');
        EXECUTE format('CREATE INDEX %I ON %I (user_id, period, source, context) WHERE changed_position = 0',
                       kind || '_data_before_changes', kind || '_data');
        EXECUTE format('COMMENT ON COLUMN %I.created_position IS %L', kind || '_data',
                       'Where its first version stands in the order of changes.');
        EXECUTE format('COMMENT ON COLUMN %I.changed_position IS %L', kind || '_data',
                       'Where it stands in the order of changes: life of the server and transaction.');
    END LOOP;
END
$$;

ALTER TABLE replaced_session ADD COLUMN changed_position bigint NOT NULL DEFAULT 0;
CREATE INDEX replaced_session_by_change ON replaced_session (changed_position) WHERE changed_position > 0;
COMMENT ON COLUMN replaced_session.changed_position IS 'When its row went, in the order of changes; 0 where none was there.';

-- Points change by the thousand: a reader hears of the UTC day of a series.
CREATE TABLE sample_day (
    series           bigint NOT NULL,
    day              date   NOT NULL,
    created_position bigint NOT NULL DEFAULT 0,
    changed_position bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (series, day)
);

INSERT INTO sample_day (series, day) SELECT DISTINCT series, (at AT TIME ZONE 'UTC')::date FROM samples_data;
CREATE INDEX sample_day_by_change ON sample_day (changed_position) WHERE changed_position > 0;
CREATE INDEX sample_day_before_changes ON sample_day (series, day) WHERE changed_position = 0;
COMMENT ON TABLE sample_day IS 'The UTC days of which a series has points, with their place in the order of changes.';

CREATE TABLE erased_person (
    user_id          text        PRIMARY KEY,
    changed_position bigint      NOT NULL,
    erased_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX erased_person_by_change ON erased_person (changed_position);
COMMENT ON TABLE erased_person IS 'Whose data was erased, so that readers erase it too; forgotten when all had their time.';

-- Readers ask for the people that there are, and for the accounts of one.
CREATE INDEX vendor_account_by_user ON vendor_account (user_id);

-- Encrypts the cursors and tokens that readers hold: made here, so that they outlive every process and every setting.
CREATE TABLE api_secret (secret text NOT NULL, made_at timestamptz NOT NULL DEFAULT clock_timestamp());
INSERT INTO api_secret (secret) SELECT translate(
    encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64'), '+/', '-_');
COMMENT ON TABLE api_secret IS 'One row: a Fernet key. Whoever reads it can make tokens that the API accepts.';
