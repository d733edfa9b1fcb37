-- The latest lines of the journal, of one run or letter where given, or without those of single letters of replays.
SELECT * FROM dead_letter_journal
WHERE ($1::text IS NULL OR run = $1) AND ($2::text IS NULL OR letter = $2)
  AND NOT ($3::boolean AND act = 'replay' AND step IN ('published', 'settled'))
ORDER BY entry DESC
LIMIT $4
