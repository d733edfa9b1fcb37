-- Write the newest of the points, each where it is newer than what is there; tell which runs still have a point on record.
-- Sorted, so that two workers that write the same series lock its rows in one order and never deadlock.
WITH run AS (
    SELECT * FROM unnest($1::integer[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::integer[])
        AS run (number, series, starts_at, captured_at, stream_sequence, reading_index)
), written AS (
    INSERT INTO samples_data AS held
        (series, at, lasts_s, value, is_plausible, captured_at, stream_sequence, reading_index)
    SELECT DISTINCT ON (series, at)
        series, starts_at + offset_ms * interval '1 millisecond' AS at, lasts_s, value, is_plausible,
        captured_at, stream_sequence, reading_index
    FROM run JOIN unnest($7::integer[], $8::integer[], $9::real[], $10::double precision[], $11::boolean[])
        AS point (number, offset_ms, lasts_s, value, is_plausible) USING (number)
    ORDER BY series, at, captured_at DESC, stream_sequence DESC, reading_index DESC
    ON CONFLICT (series, at) DO UPDATE SET
        lasts_s = excluded.lasts_s, value = excluded.value, is_plausible = excluded.is_plausible,
        captured_at = excluded.captured_at, stream_sequence = excluded.stream_sequence,
        reading_index = excluded.reading_index
    WHERE (held.captured_at, held.stream_sequence, held.reading_index)
        < (excluded.captured_at, excluded.stream_sequence, excluded.reading_index)
    RETURNING series, at, captured_at, stream_sequence, reading_index
), changed AS (
    INSERT INTO sample_day AS held (series, day, created_position, changed_position)
    SELECT DISTINCT ON (series, day) series, day, position, position
    FROM (SELECT series, (at AT TIME ZONE 'UTC')::date AS day FROM written) AS point, change_position() AS position
    ORDER BY series, day
    ON CONFLICT (series, day) DO UPDATE SET changed_position = excluded.changed_position
)
SELECT DISTINCT run.number FROM run JOIN written USING (series, captured_at, stream_sequence, reading_index)
