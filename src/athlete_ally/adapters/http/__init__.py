"""HTTP: our server, its common routes, and the clients of ingest and of vendors."""
