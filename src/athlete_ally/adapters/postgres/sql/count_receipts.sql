-- How many messages of a kind in this incarnation of a stream are dealt with. `since`: an older stream of the same name
-- used the same sequences.
SELECT count(*) FROM receipt WHERE kind = $1 AND stream = $2 AND sequence >= $3 AND settled_at >= $4
