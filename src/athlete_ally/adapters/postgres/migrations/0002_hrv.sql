-- Heart-rate variability: one row for each person, period, source and context.

CREATE TABLE hrv_data (
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
    rmssd_ms        double precision CHECK (rmssd_ms > 0),
    ln_rmssd        double precision,
    sdnn_ms         double precision CHECK (sdnn_ms > 0),
    beat_count      integer,
    artefact_count  integer,
    artefact_filter text,
    rr_intervals_ms real[],
    PRIMARY KEY (user_id, period, source, context)
);

CREATE INDEX hrv_data_by_day ON hrv_data (user_id, day);

COMMENT ON TABLE hrv_data IS 'Heart-rate variability, normalised. rMSSD and SDNN are different quantities.';
COMMENT ON COLUMN hrv_data.period IS 'Start of the interval in UTC, or the local day where there is no interval.';
COMMENT ON COLUMN hrv_data.day IS 'The person''s own calendar day; a night belongs to the day the person woke up.';
COMMENT ON COLUMN hrv_data.ln_rmssd IS 'Natural logarithm of rmssd_ms.';
COMMENT ON COLUMN hrv_data.sdnn_ms IS 'Sample standard deviation (n - 1) of the intervals.';
COMMENT ON COLUMN hrv_data.artefact_count IS 'Intervals that look like ectopic or missed beats; see artefact_filter.';
COMMENT ON COLUMN hrv_data.artefact_filter IS 'off: computed over all intervals as sent; malik: artefacts left out.';
COMMENT ON COLUMN hrv_data.message_id IS 'Lineage: Nats-Msg-Id of the message that this row came from.';
COMMENT ON COLUMN hrv_data.stream_sequence IS 'Lineage, and the order of messages of equal captured_at.';
