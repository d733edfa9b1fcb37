"""The ports: what the services need from the world, and what is promised on return."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from athlete_ally.core.messages.message import Acknowledgement, Delivery, OutgoingMessage
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.receipts import Receipt, StoreRequest
from athlete_ally.core.series import Series


class Publisher(Protocol):
    """Puts messages into streams."""

    async def publish(self, message: OutgoingMessage) -> Acknowledgement:
        """Publish, and return once the stream holds the message on disk. May be repeated: the id makes it a duplicate.

        Raises:
            Unavailable: no acknowledgement in bounded time; the stream may hold the message or not.
            StreamFull: the stream refused it.
            MessageTooLarge: it passes `max_msg_size`.
            Misconfigured: the subject belongs to another stream, or the permission is missing.
        """
        ...


class MessageJournal(Protocol):
    """Keeps what is accepted on a disk of our own, beside the stream that holds it."""

    def append(self, message: OutgoingMessage) -> Awaitable[None]:
        """Begin to write at once; what is returned is done once the journal holds the message on disk.

        May be repeated: reading it returns each message at least once. What is returned may be cancelled at any time.

        Raises:
            JournalUnavailable: it can't be written, or is closed; the journal may hold the message or not.
        """
        ...


class Inbox(Protocol):
    """The deliveries of one durable; each is settled exactly once, by one of the last three."""

    async def fetch(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        """Return up to `limit` deliveries, waiting up to `wait_s` for the first; empty when there is none.

        Raises:
            Unavailable: the broker can't be reached.
        """
        ...

    async def ack(self, delivery: Delivery) -> None:
        """Settle: the message is dealt with. A lost acknowledgement leads to a redelivery, which is harmless."""
        ...

    async def retry(self, delivery: Delivery, delay_s: float) -> None:
        """Settle: deliver it again, `delay_s` from now."""
        ...

    async def terminate(self, delivery: Delivery, reason: str) -> None:
        """Settle: never deliver it again. Only after its dead letter is acknowledged."""
        ...

    async def keep(self, delivery: Delivery) -> None:
        """Tell the broker that the delivery is still in progress, so that it isn't delivered again meanwhile."""
        ...


class Store(Protocol):
    """Keeps records, and a receipt for each message."""

    async def store(self, measurement: Measurement, requests: Sequence[StoreRequest]) -> Sequence[Receipt]:
        """Store all lots in one transaction and return a receipt for each, in order. May be repeated at will.

        No two lots of one call are of the very same message; equal content under two sequences is fine.
        Of two records with one key the newer stays. A row that the database refuses is rejected by itself.

        Raises:
            Unavailable: the database can't be reached or can't write now; nothing is stored.
        """
        ...

    async def start_alone(self, message_id: str, stream: str, sequence: int) -> int:
        """Put on record that this message is about to be handled by itself; return how often it was before.

        Forgotten once the message has a receipt.

        Raises:
            Unavailable: the database can't be reached.
        """
        ...


class Observer(Protocol):
    """Takes note of what happens; never fails, never blocks."""

    def count(self, series: Series, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        ...

    def observe(self, series: Series, *labels: str, value: float, trace_id: str | None = None) -> None:
        """Add an observation to a histogram; `trace_id` leads to an example of it."""
        ...

    def set(self, series: Series, *labels: str, value: float) -> None:
        """Set a gauge."""
        ...


class Log(Protocol):
    """Structured logging: a constant event and its fields; never a reading, a token or a vendor's user id."""

    def debug(self, event: str, **fields: object) -> object:
        """Log what only a developer wants to know."""
        ...

    def info(self, event: str, **fields: object) -> object:
        """Log what happened."""
        ...

    def warning(self, event: str, **fields: object) -> object:
        """Log what an operator may have to look at."""
        ...

    def error(self, event: str, **fields: object) -> object:
        """Log what an operator has to look at."""
        ...


Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
"""An ASGI application: takes scope, receive and send."""


class Tracing(Protocol):
    """Follows readings on their way: what it returns does the same as what it was given, and is watched doing it.

    Nothing is delayed, changed, lost or refused because of it, even if all traces are lost, except one header: the
    `traceparent` of what passes names the span in which it passes. A valid one is continued, with its trace id;
    whatever else stands there counts for nothing.
    """

    def app(self, app: Asgi, paths: Sequence[str]) -> Asgi:
        """Watch the requests to these paths; `{name}` in a path stands for any one part of it."""
        ...

    def publisher(self, publisher: Publisher) -> Publisher:
        """Watch what is published."""
        ...

    def inbox(self, inbox: Inbox) -> Inbox:
        """Watch each delivery until it is settled."""
        ...

    def store(self, store: Store) -> Store:
        """Watch what is stored."""
        ...

    def step(self, name: str, stated: Mapping[str, str]) -> AbstractContextManager[None]:
        """Watch a block of code that works on what has these headers; `name` comes from a closed list."""
        ...

    async def close(self) -> None:
        """Hand over what was seen, for a few seconds at most; what can't be handed over by then is lost."""
        ...


Now = Callable[[], datetime]
"""Returns the present instant, aware, in UTC."""
Sleep = Callable[[float], Awaitable[object]]
"""Waits for so many seconds."""
