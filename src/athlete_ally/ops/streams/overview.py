"""How streams and durables are doing: one row each."""

from collections.abc import Sequence

from msgspec import Struct

from athlete_ally.core.broker.beyond_end import beyond_end
from athlete_ally.core.broker.state import LiveStream, Replica
from athlete_ally.ops.streams.broker import BrokerReader
from athlete_ally.ops.streams.difference import Wanted


class StreamRow(Struct, frozen=True):
    """A stream; without a message there is no oldest. `replicas_current` counts the copies that hold everything.

    `behind` names the other servers with a copy, and how each of them is.
    """

    name: str
    missing: bool
    messages: int = 0
    bytes: int = 0
    max_bytes: int = -1
    oldest_s: float | None = None
    max_age_s: float = 0
    replicas: int = 0
    replicas_current: int = 0
    has_leader: bool = True
    behind: tuple[str, ...] = ()


class DurableRow(Struct, frozen=True):
    """A durable. `lag`: not acknowledged yet; `abandoned`: delivered, no longer in progress, and never acknowledged.

    `beyond_end`: messages to come that it would skip, since it is beyond `end`, the last sequence of its stream.
    """

    name: str
    stream: str
    missing: bool
    lag: int = 0
    unacknowledged: int = 0
    redelivered: int = 0
    abandoned: int = 0
    paused: bool = False
    beyond_end: int = 0
    end: int = 0


class Overview(Struct, frozen=True):
    """All of them. `schema` is the version of the JSON."""

    streams: list[StreamRow]
    durables: list[DurableRow]
    schema: int = 1

    @property
    def is_well(self) -> bool:
        """Tell whether nothing is missing, paused, abandoned, beyond the end or short of a copy."""
        streams = all(not row.missing and row.replicas_current >= row.replicas for row in self.streams)
        return streams and not any(
            row.missing or row.paused or row.abandoned or row.beyond_end for row in self.durables
        )


async def look(broker: BrokerReader, wanted: Sequence[Wanted]) -> Overview:
    """Look at everything that is wanted.

    Raises:
        Unavailable: no answer.
    """
    live = {each.name: await broker.stream(each.name) for each in wanted if each.what == "stream"}
    ends = {name: stream.last_sequence for name, stream in live.items() if stream}
    durables = [await _durable(broker, each, ends.get(each.stream, 0)) for each in wanted if each.what == "durable"]
    return Overview([_stream(name, stream) for name, stream in live.items()], durables)


def _stream(name: str, live: LiveStream | None) -> StreamRow:
    if live is None:
        return StreamRow(name, missing=True)
    return StreamRow(
        name,
        missing=False,
        messages=live.messages,
        bytes=live.bytes,
        max_bytes=live.max_bytes,
        oldest_s=(live.asked_at - live.first_at).total_seconds() if live.first_at else None,
        max_age_s=live.max_age_s,
        replicas=live.replicas_wanted,
        replicas_current=live.replicas_current,
        has_leader=live.has_leader,
        behind=tuple(_how(each) for each in live.replicas if each.offline or not each.current),
    )


def _how(copy: Replica) -> str:
    if copy.offline:
        return f"{copy.name} is down, or has JetStream disabled"
    return f"{copy.name} lags by {copy.lag:,}" if copy.lag else f"{copy.name} is not current"


async def _durable(broker: BrokerReader, wanted: Wanted, end: int) -> DurableRow:
    live = await broker.durable(wanted.stream, wanted.name)
    if live is None:
        return DurableRow(wanted.name, wanted.stream, missing=True)
    return DurableRow(
        wanted.name,
        wanted.stream,
        missing=False,
        lag=live.unacknowledged,
        unacknowledged=live.ack_pending,
        redelivered=live.redelivered,
        abandoned=live.abandoned,
        paused=live.paused,
        beyond_end=(skipped := await beyond_end(broker, live, end)),
        end=live.delivered - skipped,
    )
