-- The latest lines of the journal, of one run or letter where given.
SELECT * FROM dead_letter_journal
WHERE ($1::text IS NULL OR run = $1) AND ($2::text IS NULL OR letter = $2)
ORDER BY entry DESC
LIMIT $3
