-- Which days of whom were asked for at a vendor and are in the stream, so that a back-fill goes on where it broke off.

CREATE TABLE backfill_window (
    grant_id  bigint      NOT NULL REFERENCES vendor_grant (id) ON DELETE CASCADE,
    listing   text        NOT NULL,
    first_day date        NOT NULL,
    last_day  date        NOT NULL,
    answers   integer     NOT NULL,
    had_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (grant_id, listing, first_day, last_day)
);

COMMENT ON TABLE backfill_window IS 'One row for each window of a back-fill whose answers the stream holds.';
COMMENT ON COLUMN backfill_window.listing IS 'What was asked for, by the name that its answers have in the stream.';
COMMENT ON COLUMN backfill_window.answers IS 'How many messages it became; 0 where the vendor has nothing.';
COMMENT ON COLUMN backfill_window.had_at IS 'When: days that were not over then are asked for again.';
