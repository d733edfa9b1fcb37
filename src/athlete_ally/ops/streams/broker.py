"""The port through which the operator's tool looks at streams and durables, and changes them. Nothing here deletes."""

from collections.abc import Mapping
from typing import Any, Protocol

from athlete_ally.core.broker.state import LiveDurable, LiveMessage, LiveStream, Server


class BrokerReader(Protocol):
    """Looks, and changes nothing.

    All methods raise Unavailable without an answer, and PermissionDenied without the right.
    """

    async def server(self) -> Server:
        """Return the server, and the account in which we are."""
        ...

    async def stream(self, name: str) -> LiveStream | None:
        """Return a stream, or None."""
        ...

    async def durable(self, stream: str, name: str) -> LiveDurable | None:
        """Return a durable, or None."""
        ...

    async def streams_on(self, subject: str) -> list[str]:
        """Return the names of the streams that hold a subject in common with this pattern."""
        ...

    async def durables_of(self, stream: str) -> list[LiveDurable]:
        """Return every consumer of a stream."""
        ...

    async def message_from(self, stream: str, sequence: int) -> LiveMessage | None:
        """Return the first message at or after a sequence, or None."""
        ...

    async def gaps(self, stream: str) -> list[int]:
        """Return the sequences of deleted messages between first and last."""
        ...

    async def subject_counts(self, stream: str) -> list[int]:
        """Return how many messages each subject has, in no order."""
        ...


class Broker(BrokerReader, Protocol):
    """Changes streams and durables too. Each call is complete: the server has the new state, or the old one.

    All raise Refused when the server says no.
    """

    async def create_stream(self, config: Mapping[str, Any]) -> None:
        """Create a stream; the same once more is no error."""
        ...

    async def update_stream(self, config: Mapping[str, Any]) -> None:
        """Replace the configuration of a stream that is there."""
        ...

    async def create_durable(self, stream: str, config: Mapping[str, Any]) -> None:
        """Create a durable; the same once more is no error."""
        ...

    async def update_durable(self, stream: str, config: Mapping[str, Any]) -> None:
        """Replace the configuration of a durable that is there."""
        ...
