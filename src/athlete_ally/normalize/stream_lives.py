"""Noticing that a stream was restored to an earlier state, after which it uses sequences again for other messages.

Whether a restored stream keeps the time of its creation depends on the tool; the times of its messages always tell.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from athlete_ally.core.broker.state import LiveMessage, LiveStream
from athlete_ally.core.broker.stream_life import Cursor, Life, LifeStore
from athlete_ally.core.ports import Log


class MessageView(Protocol):
    """Reads what is known of messages."""

    async def message_from(self, stream: str, sequence: int) -> LiveMessage | None:
        """Return the first message at or after a sequence, or None."""
        ...


@dataclass(frozen=True, slots=True)
class StreamLives:
    """Compares each stream with what was last seen of it."""

    store: LifeStore
    broker: MessageView
    log: Log

    async def follow(self, stream: LiveStream) -> None:
        """Keep where a stream stands, and note a new life where it does not go on from where it stood.

        Raises:
            Unavailable: the broker or the database can't be asked.
        """
        here = Cursor(stream.name, stream.created_at, stream.last_sequence, await self._last_at(stream))
        before = await self.store.cursor(stream.name)
        if before == here:
            return
        life = None
        if before is None:
            # Receipts of a stream of this name that was there before this one.
            life = await self._new_life(stream, Cursor(stream.name, stream.created_at, 0, stream.created_at))
        elif not await self._goes_on(stream, before):
            life = await self._new_life(stream, before)
            self.log.warning(
                "stream-restored", stream=stream.name, from_sequence=life.from_sequence, lost_to=life.lost_to
            )
        await self.store.advance(here, life)

    async def _last_at(self, stream: LiveStream) -> datetime:
        """Return when the last message was stored; for a stream without messages, when it was created."""
        if stream.last_at is None and stream.messages:
            found = await self.broker.message_from(stream.name, stream.last_sequence)
            return found.stored_at if found else stream.created_at
        return stream.last_at or stream.created_at

    async def _goes_on(self, stream: LiveStream, before: Cursor) -> bool:
        if stream.created_at != before.created_at or stream.last_sequence < before.sequence:
            return False
        found = await self.broker.message_from(stream.name, before.sequence) if before.sequence else None
        # What was deleted, or is gone by age, can't be compared.
        return found is None or found.sequence != before.sequence or found.stored_at == before.stored_at

    async def _new_life(self, stream: LiveStream, before: Cursor) -> Life:
        # A tool that restores may set the time of creation anew: all that was stored before is of the life before.
        first = await self._first_after(stream, max(before.stored_at, stream.created_at))
        begin = await self.broker.message_from(stream.name, first) if first <= stream.last_sequence else None
        shared = await self.broker.message_from(stream.name, first - 1) if first > stream.first_sequence else None
        return Life(
            stream.name,
            started_at=begin.stored_at if begin else stream.asked_at,
            created_at=stream.created_at,
            from_sequence=first,
            lost_to=before.sequence,
            lost_since=shared.stored_at if shared else stream.created_at,
        )

    async def _first_after(self, stream: LiveStream, at: datetime) -> int:
        """Return the first sequence whose message was stored after a time, by halving: times rise with sequences."""
        low, high = max(1, stream.first_sequence), stream.last_sequence + 1
        while low < high:
            middle = (low + high) // 2
            found = await self.broker.message_from(stream.name, middle)
            if found is None or found.stored_at > at:
                high = middle
            else:
                low = found.sequence + 1
        return low
