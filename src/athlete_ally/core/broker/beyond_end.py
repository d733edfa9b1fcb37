"""A durable that stands beyond the end of its stream: it would never deliver what comes until the stream gets there."""

from typing import Protocol

from athlete_ally.core.broker.state import LiveDurable, LiveStream


class StreamView(Protocol):
    """Reads streams."""

    async def stream(self, name: str) -> LiveStream | None:
        """Return a stream, or None."""
        ...


async def beyond_end(view: StreamView, durable: LiveDurable, last_sequence: int) -> int:
    """Return how many messages to come a durable would skip. `last_sequence` is of its stream, and may be older.

    Raises:
        Unavailable: no answer.
    """
    if durable.delivered <= last_sequence:
        return 0
    # Between the two answers the stream may have grown: only a later one tells.
    stream = await view.stream(durable.stream)
    return max(0, durable.delivered - stream.last_sequence) if stream else 0


def back_to_end(name: str, end: int) -> str:
    """Return the command that lets a durable go on with the message after the last one, `end`."""
    return f"`athlete-ally streams consumers reset {name} --sequence {end + 1} --apply`"
