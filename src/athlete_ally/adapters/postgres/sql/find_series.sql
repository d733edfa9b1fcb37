-- The numbers of these series, in the order in which they were asked for.
SELECT known.series
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS asked (user_id, code, source, context, device, place)
JOIN sample_series AS known USING (user_id, code, source, context, device)
ORDER BY place
