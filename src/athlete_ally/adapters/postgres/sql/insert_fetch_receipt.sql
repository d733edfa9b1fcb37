-- Put on record that fetch is done with a webhook; a row that is there already means that another worker had it, too.
INSERT INTO fetch_receipt (message_id, stream, sequence, vendor, fetched, dead_lettered)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
