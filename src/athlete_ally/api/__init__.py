"""The API for readers: records, time series, people and changes, over HTTP. It writes nothing."""
