-- Time series: one row for each point, in a table that is partitioned by year; what the points are about is kept once.

CREATE TABLE sample_series (
    series  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text NOT NULL,
    code    text NOT NULL,
    source  text NOT NULL,
    context text NOT NULL,
    device  text NOT NULL,
    unit    text NOT NULL,
    loinc   text,
    UNIQUE (user_id, code, source, context, device)
);

CREATE TABLE samples_data (
    series          bigint           NOT NULL,
    at              timestamptz      NOT NULL,
    lasts_s         real,
    value           double precision NOT NULL,
    is_plausible    boolean          NOT NULL,
    captured_at     timestamptz      NOT NULL,
    stream_sequence bigint           NOT NULL,
    reading_index   integer          NOT NULL,
    PRIMARY KEY (series, at)
) PARTITION BY RANGE (at);

-- All at once and here: a worker never changes the schema, and needs no right to.
DO $$
BEGIN
    FOR year IN 2000..2049 LOOP
        EXECUTE format(
            'CREATE TABLE samples_data_%s PARTITION OF samples_data FOR VALUES FROM (%L) TO (%L)',
            year, year || '-01-01 00:00:00+00', (year + 1) || '-01-01 00:00:00+00'
        );
    END LOOP;
END
$$;

CREATE TABLE samples_data_later PARTITION OF samples_data DEFAULT;

CREATE VIEW samples AS
SELECT user_id, code, unit, loinc, source, context, device, at, lasts_s, value, is_plausible, captured_at, series
FROM samples_data JOIN sample_series USING (series);

COMMENT ON TABLE sample_series IS 'What the points of a series are about; device is empty where it is not known.';
COMMENT ON TABLE samples_data IS 'Points of time series; of two at one instant of a series the newer one stays.';
COMMENT ON COLUMN samples_data.lasts_s IS 'Seconds that the value covers, from `at` on; empty for an instant.';
COMMENT ON COLUMN samples_data.stream_sequence IS 'Lineage: the message is in `receipt`, by its sequence.';
COMMENT ON VIEW samples IS 'The points with what they are about: what an analyst reads.';
