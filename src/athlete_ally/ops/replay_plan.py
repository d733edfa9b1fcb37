"""What a replay would do, and why it may not be done now."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from athlete_ally.core.topology import redrive_subject
from athlete_ally.ops.desk import Desk
from athlete_ally.ops.rehearsal import Rehearsals, Tally
from athlete_ally.ops.selection import Selection
from athlete_ally.ops.standing import Standing

# What failed three times with a mended cause each time is a case for a person, not for a fourth replay.
MOST_REPLAYS = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """How a replay is to go: letters a second, most letters, how many first, and when it stops itself.

    `stop_at` is the share of letters that may fail again. `force` replays what failed three times too.
    A durable that is more than `most_behind` messages behind has enough to do.
    """

    rate_per_s: float = 100.0
    most: int | None = None
    canary: int = 0
    stop_at: float = 0.1
    force: bool = False
    most_behind: int = 10_000


class DurableView(Protocol):
    """A durable as the broker has it."""

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration."""
        ...

    @property
    def pending(self) -> int:
        """Messages not yet delivered."""
        ...

    @property
    def ack_pending(self) -> int:
        """Messages delivered and not settled."""
        ...

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        ...


class Durables(Protocol):
    """Looks at durables. See `adapters.nats.admin`."""

    async def consumer(self, stream: str, name: str) -> DurableView | None:
        """Return a durable, or None."""
        ...


@dataclass(slots=True)
class Plan:
    """What a replay would do. `refusals` say why it must not be done now; `skipped` counts letters left alone, by why.

    `to_sequence` bounds it: letters that arrive later are none of its business.
    """

    selection: Selection
    terms: Terms
    to_sequence: int
    letters: int = 0
    by_durable: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    skipped: Counter[str] = field(default_factory=Counter[str])
    tally: Tally = field(default_factory=Tally)
    refusals: list[str] = field(default_factory=list[str])

    @property
    def seconds(self) -> float:
        """Return how long it would take at its rate."""
        return self.letters / self.terms.rate_per_s


async def make_plan(
    desk: Desk,
    durables: Durables,
    rehearsals: Rehearsals,
    selection: Selection,
    terms: Terms,
    *,
    tell: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Return what a replay of these letters would do; nothing is changed. `tell` hears how many were looked at.

    Raises:
        Unavailable: the broker or the database can't be reached.
    """
    plan = Plan(selection, terms, (await desk.letters.extent()).last_sequence)
    async with aclosing(desk.read(selection, to_sequence=plan.to_sequence)) as found:
        async for each in found:
            if plan.letters == terms.most:
                break
            why_not = unfit(each, terms)
            if why_not is not None:
                plan.skipped[why_not] += 1
                continue
            plan.letters += 1
            plan.by_durable[each.letter.original_stream, each.letter.durable] += 1
            plan.tally.add(each, await rehearsals.predict(each))
            tell(plan.letters)
    plan.refusals = await refusals(durables, plan.by_durable, terms.most_behind)
    if not plan.letters:
        plan.refusals.append("no letter is left to replay")
    return plan


def unfit(standing: Standing, terms: Terms) -> str | None:
    """Say why a letter is left alone, or None."""
    if standing.is_done:
        return "stored already; it only has to be removed, and will be"
    if not standing.letter.durable or not standing.letter.original_stream:
        return "it does not say which durable failed"
    if standing.replays >= MOST_REPLAYS and not terms.force:
        return f"replayed {MOST_REPLAYS} times already (--force replays it all the same)"
    return None


async def refusals(durables: Durables, wanted: Mapping[tuple[str, str], int], most_behind: int) -> list[str]:
    """Say which of these durables must not be given replays now, and why.

    Raises:
        Unavailable: the broker can't be reached.
    """
    found: list[str] = []
    for stream, name in sorted(wanted):
        why_not = _why_not(stream, name, await durables.consumer(stream, name), most_behind)
        if why_not is not None:
            found.append(f"{name}: {why_not}")
    return found


def _why_not(stream: str, name: str, live: DurableView | None, most_behind: int) -> str | None:
    if live is None:
        return f"there is no such durable on {stream}: run `athlete-ally streams apply`"
    if redrive_subject(stream, name) not in live.config.get("filter_subjects", ()):
        return "it does not take its redrive lane: only durables of ours do"
    if live.paused:
        return "it is paused: resume it first"
    behind = live.pending + live.ack_pending
    if behind > most_behind:
        return f"it is {behind} messages behind, more than {most_behind}: let it catch up first"
    return None


async def fit(desk: Desk, plan: Plan) -> AsyncGenerator[Standing]:
    """Yield the letters of a plan that may be replayed, in order, those that only have to be removed included."""
    async with aclosing(desk.read(plan.selection, to_sequence=plan.to_sequence)) as found:
        async for each in found:
            if each.is_done or unfit(each, plan.terms) is None:
                yield each
