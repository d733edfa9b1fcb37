"""What each header of a message says."""

from athlete_ally.core.messages import headers

ON_ALL = {
    headers.MSG_ID: "Id that follows from the content: publishing the same again is a duplicate.",
    headers.EXPECTED_STREAM: "The stream that must take it: a mis-pointed subject fails loudly.",
}
EVENT = {
    headers.CE_SPECVERSION: "Version of CloudEvents: 1.0.",
    headers.CE_ID: "Id of the event.",
    headers.CE_TYPE: "Subject of the event.",
    headers.CE_SOURCE: "Service that made the event.",
    headers.CE_TIME: "When that service made it; for raw readings and webhooks, when ingest took them.",
}
COPIED = EVENT | {headers.CONTENT_TYPE: "application/json."}
SOMETIMES = {headers.TRACEPARENT: "W3C trace context: that of the request, or with traces on that of the publish."}
ON_RAW = {headers.READINGS: "How many readings the body holds."}
BY_SENDER = {
    headers.SENDER: "Who sent them: `key:` and the name of the API key (what is not ASCII is percent-encoded), "
    "or `vendor:` and the vendor; absent where ingest runs without keys."
}
PARENT = {headers.PARENT_ID: "Id of the webhook, or fetched document, that it was made from."}
ON_UNPACKED = PARENT | {headers.PARENT_SEQUENCE: "Its sequence in AA_VENDOR_HOT."}
ON_FETCHED = {
    headers.GRANT: "With which permission it was fetched: it stands for the person.",
    headers.RESOURCE_TYPE: "What it is, in the vendor's word.",
}
# Headers of a vendor keep the name in lower case.
ON_WEBHOOKS = {"content-type": "As the vendor stated it; beside it stands what else of the vendor's headers is kept."}
ON_PARTS = {
    headers.PART: "Which part of how many (`3/17`), where no message could hold the whole.",
    headers.PART_OF: "SHA-256 of the whole, in hex.",
    headers.PART_FRAME: "How many bytes before and after those of the whole make a body of them.",
    headers.PART_GAP: "In Base64: the bytes of the whole between the part before and this one.",
    headers.PART_TAIL: "In Base64, on the last part: the bytes of the whole after it.",
}
ON_DEAD_LETTERS = {
    headers.READINGS: "How many readings the letter stands for.",
    headers.DLQ_REASON: "schema-invalid, non-retryable, max-deliver, unknown-account; terminated: of others.",
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
