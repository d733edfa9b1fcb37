"""What the server says when it gives a message up, and the dead letter that keeps the message. Pure."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from athlete_ally import __version__
from athlete_ally.core.broker import topology
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import number
from athlete_ally.core.messages.identity import derived_id, fingerprint
from athlete_ally.core.messages.message import OutgoingMessage, StoredMessage
from athlete_ally.core.verdict import TERMINATED
from athlete_ally.normalize.dead_letters import copied_headers, instant

# https://github.com/nats-io/jsm.go/tree/main/schema_source/jetstream/advisory/v1
_REASONS = {
    "io.nats.jetstream.advisory.v1.max_deliver": "max-deliver",
    "io.nats.jetstream.advisory.v1.terminated": TERMINATED,
}


class _Advisory(msgspec.Struct, frozen=True):
    type: str
    stream: str
    consumer: str
    stream_seq: int
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The server will not deliver this message to this consumer again."""

    stream: str
    sequence: int
    consumer: str
    deliveries: int
    reason: str


def read_advisory(body: bytes) -> Abandoned:
    """Return what an advisory says.

    Raises:
        InvalidMessage: it is none of the two that give a message up.
    """
    try:
        advisory = msgspec.json.decode(body, type=_Advisory)
        reason = _REASONS[advisory.type]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
        raise InvalidMessage("not an advisory of an abandoned message") from error
    return Abandoned(advisory.stream, advisory.stream_seq, advisory.consumer, advisory.deliveries, reason)


def abandoned_letter(abandoned: Abandoned, message: StoredMessage, *, at: datetime) -> OutgoingMessage:
    """Return the dead letter of a message that somebody else's consumer lost: the message, byte for byte.

    The id is the same whenever the letter is made again, and another one in a stream that was made again.
    """
    text = {
        "max-deliver": f"delivered {abandoned.deliveries} times to {abandoned.consumer} and never acknowledged",
        TERMINATED: f"terminated by {abandoned.consumer}",
    }[abandoned.reason]
    stored_at = instant(message.stored_at)
    stated = {
        headers.DLQ_REASON: abandoned.reason,
        headers.DLQ_ERROR: text,
        headers.DLQ_FINGERPRINT: fingerprint(abandoned.consumer, abandoned.reason),
        headers.DLQ_ATTEMPTS: str(abandoned.deliveries),
        headers.DLQ_AT: instant(at),
        headers.DLQ_WORKER_VERSION: __version__,
        headers.ORIGINAL_SUBJECT: message.subject,
        headers.ORIGINAL_STREAM: abandoned.stream,
        headers.ORIGINAL_SEQUENCE: str(abandoned.sequence),
        headers.ORIGINAL_TIME: stored_at,
        headers.ORIGINAL_MSG_ID: message.headers.get(headers.MSG_ID, ""),
        headers.ORIGINAL_CONSUMER: abandoned.consumer,
        headers.READINGS: str(number(message.headers, headers.READINGS) or 1),
    }
    return OutgoingMessage(
        stream=topology.DLQ,
        subject=topology.foreign_letter_subject(abandoned.consumer, abandoned.reason),
        body=message.body,
        message_id=derived_id("dlq", abandoned.stream, abandoned.sequence, abandoned.consumer, stored_at),
        headers={**copied_headers(message.headers), **{name: value for name, value in stated.items() if value}},
    )
