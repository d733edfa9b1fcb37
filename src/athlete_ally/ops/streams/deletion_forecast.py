"""How many messages a change would delete: asked of the server, read-only, with as few questions as will do.

A stream of millions is never walked: the message at which an age ends is found by bisection, and sizes of more messages
than a thousand are estimated from a sample and called so.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from athlete_ally.core.broker.permissions import covers
from athlete_ally.core.broker.state import LiveDurable, LiveMessage, LiveStream
from athlete_ally.ops.streams.broker import BrokerReader

# About a second of questions on a local server; below it every message is looked at, and the answer is exact.
_MOST_QUESTIONS = 1000
_MOST_GAPS = 200_000
_TIME_TO_EXPIRE_S = 60


class Loss(Struct, frozen=True):
    """What a change deletes at once. `unacknowledged` counts by durable; without `exact` all counts are estimates."""

    messages: int
    of: int
    exact: bool
    oldest: str | None
    unacknowledged: dict[str, int]


NOTHING = Loss(0, 0, exact=True, oldest=None, unacknowledged={})


class DeletionForecast:
    """Answers for one stream; `durables` are all of its consumers."""

    def __init__(self, broker: BrokerReader, stream: LiveStream, durables: Sequence[LiveDurable]) -> None:
        """Ask this broker about this stream."""
        self._broker = broker
        self._stream = stream
        self._durables = durables
        self._gaps: list[int] | None = None
        self._seen: dict[int, LiveMessage | None] = {}

    async def of_change(self, field: str, config: Mapping[str, Any]) -> Loss:  # noqa: PLR0911  # a table of cases
        """Return what is deleted when `field` changes to what `config`, the whole new configuration, says."""
        forgets = config.get("discard") == "old"
        match field:
            case "max_age":
                return await self.older_than(config.get("max_age", 0))
            case "max_msgs" if forgets:
                return await self._all_but_last(config.get("max_msgs", -1))
            case "max_bytes" if forgets:
                return await self._all_but_bytes(config.get("max_bytes", -1))
            case "discard" if forgets:
                losses = [await self.of_change(each, config) for each in ("max_msgs", "max_bytes")]
                return max(losses, key=lambda loss: loss.messages)
            case "max_msgs_per_subject":
                return await self._above_per_subject(config.get("max_msgs_per_subject", -1))
            case "retention" if config.get("retention") == "interest":
                return await self._without_interest()
            case _:
                return NOTHING

    async def older_than(self, max_age_ns: int, *, soon: bool = False) -> Loss:
        """Return what is older than an age; with `soon`, what will be within a minute."""
        if max_age_ns <= 0 or not self._stream.messages:
            return NOTHING
        spare_s = _TIME_TO_EXPIRE_S if soon else 0
        end_of_life = self._stream.asked_at - timedelta(microseconds=max_age_ns / 1000) + timedelta(seconds=spare_s)
        return await self._before(await self._first_after(end_of_life))

    async def _first_after(self, instant: datetime) -> int:
        """Return the sequence of the first message that was stored after an instant; times grow with sequences."""

        async def is_later(sequence: int) -> bool:
            found = await self._message_from(sequence)
            return found is None or found.stored_at > instant

        return await _first(self._stream.first_sequence, self._stream.last_sequence + 1, is_later)

    async def _all_but_last(self, keep: int) -> Loss:
        excess = self._stream.messages - keep
        if keep <= 0 or excess <= 0:
            return NOTHING

        async def holds_enough(sequence: int) -> bool:
            return (await self._count_before(sequence))[0] >= excess

        return await self._before(
            await _first(self._stream.first_sequence, self._stream.last_sequence + 1, holds_enough)
        )

    async def _all_but_bytes(self, keep: int) -> Loss:
        excess = self._stream.bytes - keep
        if keep <= 0 or excess <= 0:
            return NOTHING
        messages = await self._look(self._stream.first_sequence, self._stream.last_sequence + 1)
        exact = len(messages) == self._stream.messages
        # In a sample each message stands for as many as lie between it and the next.
        weight = self._stream.bytes / sum(message.size for message in messages) if messages else 1
        freed = 0.0
        for message in messages:
            if freed >= excess:
                return await self._before(message.sequence, exact=exact)
            freed += message.size * weight
        return await self._before(self._stream.last_sequence + 1, exact=exact)

    async def _above_per_subject(self, keep: int) -> Loss:
        if keep <= 0:
            return NOTHING
        counts = await self._broker.subject_counts(self._stream.name)
        lost = sum(max(0, count - keep) for count in counts)
        waiting = {each.name: min(lost, each.unacknowledged) for each in self._durables if each.unacknowledged}
        return self._loss(lost, exact=lost == 0 or not waiting, unacknowledged=waiting if lost else {})

    async def _without_interest(self) -> Loss:
        """Return what no consumer waits for; with consumers, the most that it can be."""
        if not self._durables:
            return self._loss(self._stream.messages, exact=True, unacknowledged={})
        most = self._stream.messages - max(each.unacknowledged for each in self._durables)
        return self._loss(max(0, most), exact=False, unacknowledged={})

    async def _before(self, sequence: int, *, exact: bool = True) -> Loss:
        """Return the loss of all messages before a sequence."""
        count, counted = await self._count_before(sequence)
        waiting = {each.name: await self._waiting_before(each, sequence) for each in self._durables} if count else {}
        unacknowledged = {name: many for name, (many, _) in waiting.items() if many}
        exact = exact and counted and all(sure for _, sure in waiting.values())
        return self._loss(count, exact=exact, unacknowledged=unacknowledged)

    def _loss(self, count: int, *, exact: bool, unacknowledged: dict[str, int]) -> Loss:
        first_at = self._stream.first_at
        oldest = first_at.isoformat(timespec="seconds") if count and first_at else None
        return Loss(count, self._stream.messages, exact, oldest, unacknowledged)

    async def _count_before(self, sequence: int) -> tuple[int, bool]:
        """Return how many messages lie before a sequence, and whether that was counted."""
        stream = self._stream
        places = min(sequence, stream.last_sequence + 1) - stream.first_sequence
        if not stream.deleted or places <= 0:
            return max(0, places), True
        if stream.deleted > _MOST_GAPS:
            return round(places * stream.messages / (stream.messages + stream.deleted)), False
        if self._gaps is None:
            self._gaps = await self._broker.gaps(stream.name)
        return places - sum(gap < sequence for gap in self._gaps), True

    async def _waiting_before(self, durable: LiveDurable, sequence: int) -> tuple[int, bool]:
        """Return how many messages before a sequence a durable has not acknowledged, and whether that is certain."""
        if sequence <= durable.ack_floor + 1 or not durable.unacknowledged:
            return 0, True
        if sequence > self._stream.last_sequence:
            return durable.unacknowledged, True
        start = max(durable.delivered + 1, self._stream.first_sequence)
        seen = await self._look(start, sequence) if start < sequence else []
        places = (await self._count_before(sequence))[0] - (await self._count_before(start))[0]
        heard = sum(any(covers(pattern, each.subject) for pattern in durable.filters) for each in seen)
        sure = len(seen) == max(0, places)
        undelivered = heard if sure else round(heard / max(1, len(seen)) * places)
        # Only the number of unacknowledged ones is known: all lie before `sequence` when everything delivered does.
        unacknowledged = min(durable.ack_pending, max(0, sequence - 1 - durable.ack_floor))
        sure = sure and (durable.delivered < sequence or not unacknowledged)
        return min(durable.unacknowledged, undelivered + unacknowledged), sure

    async def _look(self, start: int, end: int) -> list[LiveMessage]:
        """Return all messages of a range, or where they are many, an even sample."""
        step = 1
        while (end - start) // step > _MOST_QUESTIONS:
            step *= 2
        found: list[LiveMessage] = []
        sequence = start
        while sequence < end:
            message = await self._message_from(sequence)
            if message is None or message.sequence >= end:
                break
            found.append(message)
            # At multiples, so that the ranges of several durables share their questions.
            sequence = (message.sequence // step + 1) * step
        return found

    async def _message_from(self, sequence: int) -> LiveMessage | None:
        if sequence not in self._seen:
            self._seen[sequence] = await self._broker.message_from(self._stream.name, sequence)
        return self._seen[sequence]


async def _first(low: int, high: int, holds: Callable[[int], Awaitable[bool]]) -> int:
    """Return the first number from `low` for which something holds that holds from there on; `high` if for none."""
    while low < high:
        middle = (low + high) // 2
        if await holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
