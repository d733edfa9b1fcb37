"""Values that packages exchange: what we publish, what is delivered to us, what the stream answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to be stored in `stream`; `message_id` makes a repeated publish a duplicate."""

    stream: str
    subject: str
    body: bytes
    message_id: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The stream's word that it holds the message on disk."""

    stream: str
    sequence: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to hand a message to a consumer.

    `attempt` counts deliveries of this message, 1 being the first. `stored_at` is when the stream took it.
    `token` is whatever the adapter needs to settle it; nobody else looks inside.
    """

    stream: str
    sequence: int
    subject: str
    consumer: str
    body: bytes
    headers: Mapping[str, str]
    attempt: int
    stored_at: datetime
    token: object


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as its stream has it."""

    subject: str
    headers: Mapping[str, str]
    body: bytes
    stored_at: datetime
