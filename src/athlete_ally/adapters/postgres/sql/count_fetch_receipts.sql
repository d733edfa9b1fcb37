-- How many webhooks of a vendor in this incarnation of a stream fetch is done with.
SELECT count(*) FROM fetch_receipt WHERE vendor = $1 AND stream = $2 AND sequence >= $3 AND settled_at >= $4
