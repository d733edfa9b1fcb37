-- Note what is done to dead letters.
INSERT INTO dead_letter_journal (run, actor, act, step, letter, sequence, details)
SELECT run, actor, act, step, letter, sequence, details::json
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[])
AS new (run, actor, act, step, letter, sequence, details)
