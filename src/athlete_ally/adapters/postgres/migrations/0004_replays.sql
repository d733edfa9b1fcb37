-- Replays of dead letters: which receipts are of replays, and who did what to dead letters.

ALTER TABLE receipt ADD COLUMN replay_of text;

CREATE INDEX receipt_by_replay ON receipt (replay_of) WHERE replay_of IS NOT NULL;

COMMENT ON COLUMN receipt.replay_of IS
    'Identity of the dead letter that this message replayed: its readings were counted as dead-lettered before.';

CREATE TABLE dead_letter_journal (
    entry    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    run      text        NOT NULL,
    actor    text        NOT NULL,
    act      text        NOT NULL,
    step     text        NOT NULL,
    letter   text,
    sequence bigint,
    details  json        NOT NULL
);

CREATE INDEX dead_letter_journal_by_run ON dead_letter_journal (run, entry);
CREATE INDEX dead_letter_journal_by_letter ON dead_letter_journal (letter, entry) WHERE letter IS NOT NULL;

COMMENT ON TABLE dead_letter_journal IS 'What was done to dead letters, by whom and with which outcome; no readings. Append-only.';
COMMENT ON COLUMN dead_letter_journal.run IS 'Equal for everything that one command did.';

-- Privileges alone would not do: they don't bind the table's owner, as which the programs of one machine connect.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_letter_journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

REVOKE UPDATE, DELETE, TRUNCATE ON dead_letter_journal FROM PUBLIC;
