-- Name the series that these points belong to; those that are known stay as they are.
INSERT INTO sample_series (user_id, code, source, context, device, unit, loinc)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
ON CONFLICT DO NOTHING
