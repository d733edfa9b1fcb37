"""Remembering how publishing went, so that readiness follows what was last achieved."""

from collections.abc import Callable
from dataclasses import dataclass

from athlete_ally.core.errors import StreamFull, Unavailable
from athlete_ally.core.messages.message import Acknowledgement, OutgoingMessage
from athlete_ally.core.ports import Publisher


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last publish to a stream ended, and when; `problem` is empty where it was acknowledged."""

    at_s: float
    problem: str = ""
    was_full: bool = False


class WatchedPublisher:
    """The `Publisher` port over another one."""

    def __init__(self, publisher: Publisher, clock: Callable[[], float]) -> None:
        """Publish with this one; `clock` gives seconds."""
        self._publisher = publisher
        self._clock = clock
        self._last: dict[str, Outcome] = {}

    async def publish(self, message: OutgoingMessage) -> Acknowledgement:
        """See the port."""
        try:
            acknowledgement = await self._publisher.publish(message)
        except Unavailable as error:
            self._last[message.stream] = Outcome(self._clock(), str(error), isinstance(error, StreamFull))
            raise
        self._last[message.stream] = Outcome(self._clock())
        return acknowledgement

    def problem(self, stream: str, within_s: float) -> str:
        """Return why the last publish to a stream failed; empty where it did not, or is longer ago than `within_s`."""
        last = self._last.get(stream)
        return last.problem if last is not None and self._clock() - last.at_s <= within_s else ""

    def full(self, within_s: float) -> dict[str, str]:
        """Return the streams that took no message of late for want of room, each with what the server said."""
        return {
            stream: last.problem
            for stream, last in self._last.items()
            if last.was_full and self._clock() - last.at_s <= within_s
        }

    def achieved(self, stream: str, within_s: float) -> bool:
        """Tell whether the last publish to a stream was acknowledged, no longer than `within_s` ago."""
        last = self._last.get(stream)
        return last is not None and not last.problem and self._clock() - last.at_s <= within_s
