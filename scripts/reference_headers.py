"""What each header of a message says."""

from reference_markdown import code, table

from athlete_ally.core import headers

ON_EVERY_MESSAGE = {
    headers.MSG_ID: "Id made from the content: the same content again is a duplicate.",
    headers.EXPECTED_STREAM: "The stream that must take it: a mis-pointed subject fails loudly.",
    headers.CE_SPECVERSION: "CloudEvents version, 1.0.",
    headers.CE_ID: "The id again.",
    headers.CE_TYPE: "The subject on which it was first published.",
    headers.CE_SOURCE: "The service that made it.",
    headers.CE_TIME: "When that service made it; for a raw reading, when ingest received it.",
    headers.CONTENT_TYPE: "application/json.",
}
WHERE_GIVEN = {
    headers.TRACEPARENT: "W3C trace context of the request, passed on unchanged; absent where none was sent."
}
ON_RAW = {headers.READINGS: "How many readings the body holds."}
ON_DEAD_LETTERS = {
    headers.READINGS: "How many readings the letter holds.",
    headers.DLQ_REASON: "schema-invalid, non-retryable or max-deliver.",
    headers.DLQ_ERROR: "What was wrong with the first of the readings, without values.",
    headers.DLQ_FINGERPRINT: "12 hex digits, equal for failures of the same sort.",
    headers.DLQ_ATTEMPTS: "Deliveries so far.",
    headers.DLQ_AT: "When the letter was made.",
    headers.DLQ_WORKER_VERSION: "Version of athlete-ally that made it.",
    headers.ORIGINAL_SUBJECT: "Subject of the original message.",
    headers.ORIGINAL_STREAM: "Stream of the original message.",
    headers.ORIGINAL_SEQUENCE: "Sequence of the original in that stream.",
    headers.ORIGINAL_TIME: "When the stream took the original.",
    headers.ORIGINAL_MSG_ID: "Id of the original.",
    headers.ORIGINAL_CONSUMER: "Durable whose worker gave it up.",
}
ON_SOME_DEAD_LETTERS = {
    headers.DLQ_FIRST_DELIVERED: "When it was first delivered, where the first delivery was also the last.",
    headers.READING_INDEXES: "Places of the readings in the original, from 0, where only some of them failed.",
}


def headers_table() -> str:
    """Return a row for each header."""
    raw, stored, dead = "raw-received", "normalized-stored", "dlq"
    where = [
        (ON_EVERY_MESSAGE, "all"),
        (WHERE_GIVEN, "all, where given"),
        (ON_RAW, raw),
        (ON_DEAD_LETTERS, dead),
        (ON_SOME_DEAD_LETTERS, f"some {dead}"),
    ]
    rows = [(code(name), on, meaning) for described, on in where for name, meaning in described.items()]
    return (
        f"`{raw}`, `{stored}` and `{dead}` stand for the subjects above.\n\n{table(('header', 'on', 'meaning'), rows)}"
    )
