"""The header names that our messages carry.

CloudEvents 1.0 attributes travel in binary mode: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/nats-protocol-binding.md
"""

from typing import Final

MSG_ID: Final = "Nats-Msg-Id"
EXPECTED_STREAM: Final = "Nats-Expected-Stream"
TRACEPARENT: Final = "traceparent"

CE_SPECVERSION: Final = "ce-specversion"
CE_ID: Final = "ce-id"
CE_TYPE: Final = "ce-type"
CE_SOURCE: Final = "ce-source"
CE_TIME: Final = "ce-time"
CONTENT_TYPE: Final = "Content-Type"

READINGS: Final = "AA-Readings"
"""How many readings the body holds: what the ledger counts when the body can't be read."""

SENDER: Final = "AA-Client"
"""On raw readings: who sent them, `key:NAME` or `vendor:NAME`. See `core.messages.sender`."""

PARENT_ID: Final = "AA-Parent-Msg-Id"
"""On what was unpacked or fetched: the id of the message in AA_VENDOR_HOT that it was made from."""
PARENT_SEQUENCE: Final = "AA-Parent-Sequence"

GRANT: Final = "AA-Grant"
"""On what was fetched: with which permission. It stands for the person."""
RESOURCE_TYPE: Final = "AA-Resource-Type"
"""On what was fetched: what it is, in the vendor's word."""

PART: Final = "AA-Part"
"""On a part of a webhook that no message can hold: which of how many (`3/17`). See `core.messages.parts`."""
PART_OF: Final = "AA-Part-Of"
"""SHA-256 of the whole, in hex."""
PART_FRAME: Final = "AA-Part-Frame"
"""How many bytes before and after those of the whole make a body of them."""
PART_GAP: Final = "AA-Part-Gap"
"""In Base64: the bytes of the whole between the part before and this one."""
PART_TAIL: Final = "AA-Part-Tail"
"""In Base64, on the last part: the bytes of the whole after it."""

DLQ_REASON: Final = "AA-DLQ-Reason"
DLQ_ERROR: Final = "AA-DLQ-Error"
DLQ_FINGERPRINT: Final = "AA-DLQ-Fingerprint"
DLQ_ATTEMPTS: Final = "AA-DLQ-Attempts"
DLQ_FIRST_DELIVERED: Final = "AA-DLQ-First-Delivered"
DLQ_AT: Final = "AA-DLQ-At"
DLQ_WORKER_VERSION: Final = "AA-DLQ-Worker-Version"
ORIGINAL_SUBJECT: Final = "AA-Original-Subject"
ORIGINAL_STREAM: Final = "AA-Original-Stream"
ORIGINAL_SEQUENCE: Final = "AA-Original-Sequence"
ORIGINAL_TIME: Final = "AA-Original-Time"
ORIGINAL_MSG_ID: Final = "AA-Original-Msg-Id"
ORIGINAL_CONSUMER: Final = "AA-Original-Consumer"
READING_INDEXES: Final = "AA-Reading-Indexes"
DLQ_LETTER: Final = "AA-DLQ-Letter"
"""A dead letter's identity, where its `Nats-Msg-Id` is that of a copy (edited, shelved, imported)."""
DLQ_REPLAYS: Final = "AA-DLQ-Replays"
"""How often a dead letter was replayed before it came here from another database."""
DLQ_EDITED_FROM: Final = "AA-DLQ-Edited-From"
REPLAY_OF: Final = "AA-Replay-Of"
"""On the redrive lane: the identity of the dead letter that this message replays."""
