"""What each header of a message says."""

from reference_markdown import code, table

from athlete_ally.core import headers

ON_ALL = {
    headers.MSG_ID: "Id that follows from the content: publishing the same again is a duplicate.",
    headers.EXPECTED_STREAM: "The stream that must take it: a mis-pointed subject fails loudly.",
}
COPIED = {
    headers.CE_SPECVERSION: "Version of CloudEvents: 1.0.",
    headers.CE_ID: "Id of the event.",
    headers.CE_TYPE: "Subject of the event.",
    headers.CE_SOURCE: "Service that made the event.",
    headers.CE_TIME: "When that service made it; for raw readings, when ingest took them.",
    headers.CONTENT_TYPE: "application/json.",
}
SOMETIMES = {headers.TRACEPARENT: "W3C trace context: that of the request, or with traces on that of the publish."}
ON_RAW = {headers.READINGS: "How many readings the body holds."}
PARENT = {headers.PARENT_ID: "Id of the webhook, or fetched document, that it was made from."}
ON_UNPACKED = PARENT | {headers.PARENT_SEQUENCE: "Its sequence in AA_VENDOR_HOT."}
ON_DEAD_LETTERS = {
    headers.READINGS: "How many readings the letter stands for.",
    headers.DLQ_REASON: "schema-invalid, non-retryable, max-deliver or, of consumers that are not ours, terminated.",
    headers.DLQ_ERROR: "What was wrong with the first of its readings, without values.",
    headers.DLQ_FINGERPRINT: "12 hex digits, equal for failures of the same sort.",
    headers.DLQ_ATTEMPTS: "How often the original had been delivered.",
    headers.DLQ_AT: "When the letter was made.",
    headers.DLQ_WORKER_VERSION: "Version of athlete-ally that made it.",
    headers.ORIGINAL_SUBJECT: "Subject of the original.",
    headers.ORIGINAL_STREAM: "Stream of the original.",
    headers.ORIGINAL_SEQUENCE: "Sequence of the original in that stream.",
    headers.ORIGINAL_TIME: "When the stream took the original.",
    headers.ORIGINAL_MSG_ID: "Id of the original.",
    headers.ORIGINAL_CONSUMER: "Durable that the original was delivered to.",
}
SOMETIMES_ON_DEAD_LETTERS = {
    headers.DLQ_FIRST_DELIVERED: "When it was first delivered, where that is known: the first delivery was the last.",
    headers.READING_INDEXES: "Places of its readings in the original, from 0, where not all of them failed.",
    headers.DLQ_LETTER: "Identity of the letter, where it was moved, edited or imported; else its Nats-Msg-Id is it.",
    headers.DLQ_REPLAYS: "How often it was replayed before it was exported.",
    headers.DLQ_EDITED_FROM: "Identity of the letter that it corrects.",
}
ON_REPLAYS = {headers.REPLAY_OF: "Identity of the dead letter that the message replays."}


def headers_table() -> str:
    """Return a row for each header."""
    where = {
        "all": ON_ALL,
        "raw readings, records; copied to dead letters": COPIED | SOMETIMES,
        "raw readings": ON_RAW,
        "raw readings that came with a webhook, fetched documents": ON_UNPACKED,
        "dead letters": ON_DEAD_LETTERS,
        "some dead letters": SOMETIMES_ON_DEAD_LETTERS,
        "redrive lane": ON_REPLAYS,
    }
    rows = [(code(name), on, meaning) for on, described in where.items() for name, meaning in described.items()]
    return table(("header", "on", "meaning"), rows)
