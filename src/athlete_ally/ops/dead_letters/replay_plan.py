"""What a replay would do, and why it may not be done now."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from athlete_ally.core.audit_log import AuditEntry
from athlete_ally.core.broker.state import LiveDurable
from athlete_ally.core.broker.topology import redrive_subject
from athlete_ally.core.errors import Refused
from athlete_ally.ops.dead_letters.letter_state import LetterState
from athlete_ally.ops.dead_letters.predictions import Predictor, Tally
from athlete_ally.ops.dead_letters.reader import LetterReader
from athlete_ally.ops.dead_letters.selection import Selection, selection_of

# A dead letter that failed three replays needs a person, not a fourth replay.
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


class Durables(Protocol):
    """Looks at durables. See `adapters.nats.admin`."""

    async def durable(self, stream: str, name: str) -> LiveDurable | None:
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
    reader: LetterReader,
    durables: Durables,
    predictor: Predictor,
    selection: Selection,
    terms: Terms,
    *,
    tell: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Return what a replay of these letters would do; nothing is changed. `tell` hears how many were looked at.

    Raises:
        Unavailable: the broker or the database can't be reached.
    """
    plan = Plan(selection, terms, (await reader.letters.extent()).last_sequence)
    async with aclosing(_chosen(reader, Lanes(durables), plan)) as chosen:
        plan.tally = await predictor.tally(chosen, tell)
    plan.refusals = await refusals(durables, plan.by_durable, terms.most_behind)
    if not plan.letters:
        plan.refusals.append("no letter is left to replay")
    return plan


async def _chosen(reader: LetterReader, lanes: "Lanes", plan: Plan) -> AsyncGenerator[LetterState]:
    """Yield the letters that a plan is for; count them, and those that are left alone."""
    async with aclosing(reader.read(plan.selection, to_sequence=plan.to_sequence)) as found:
        async for each in found:
            if plan.letters == plan.terms.most:
                return
            why_not = unfit(each, plan.terms) or await lanes.why_not(each)
            if why_not is not None:
                plan.skipped[why_not] += 1
                continue
            plan.letters += 1
            plan.by_durable[each.letter.original_stream, each.letter.durable] += 1
            yield each


def unfit(letter_state: LetterState, terms: Terms) -> str | None:
    """Say why a letter is left alone, or None."""
    if letter_state.is_done:
        return "stored already; it only has to be removed, and will be"
    if not letter_state.letter.durable or not letter_state.letter.original_stream:
        return "it does not say which durable failed"
    if letter_state.replays >= MOST_REPLAYS and not terms.force:
        return f"replayed {MOST_REPLAYS} times already (--force replays it all the same)"
    return None


async def refusals(durables: Durables, wanted: Mapping[tuple[str, str], int], most_behind: int) -> list[str]:
    """Say which of these durables must not be given replays now, and why.

    Raises:
        Unavailable: the broker can't be reached.
    """
    found: list[str] = []
    for stream, name in sorted(wanted):
        why_not = _why_not(stream, await durables.durable(stream, name), most_behind)
        if why_not is not None:
            found.append(f"{name}: {why_not}")
    return found


def _why_not(stream: str, live: LiveDurable | None, most_behind: int) -> str | None:
    if live is None:
        return f"there is no such durable on {stream}: run `athlete-ally streams apply`"
    if live.paused:
        return "it is paused: `athlete-ally streams consumers resume` lets it go on"
    behind = live.pending + live.ack_pending
    if behind > most_behind:
        return f"it is {behind} messages behind, more than {most_behind}: let it catch up first"
    return None


@dataclass(frozen=True, slots=True)
class Lanes:
    """Knows which durables take replays; each is asked for once."""

    durables: Durables
    known: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])

    async def why_not(self, letter_state: LetterState) -> str | None:
        """Say why a letter's durable takes no replays, or None; one that is missing may come back.

        Raises:
            Unavailable: the broker can't be reached.
        """
        stream, name = letter_state.letter.original_stream, letter_state.letter.durable
        if (stream, name) not in self.known:
            live = await self.durables.durable(stream, name)
            lane = redrive_subject(stream, name)
            self.known[stream, name] = live is None or lane in live.config.get("filter_subjects", ())
        return None if self.known[stream, name] else f"{name} is no durable of ours: it has no redrive lane"


async def fit(reader: LetterReader, durables: Durables, plan: Plan) -> AsyncGenerator[LetterState]:
    """Yield the letters of a plan that may be replayed, in order, those that only have to be removed included.

    Raises:
        Unavailable: the broker or the database can't be reached.
    """
    lanes = Lanes(durables)
    async with aclosing(reader.read(plan.selection, to_sequence=plan.to_sequence)) as found:
        async for each in found:
            if each.is_done or (unfit(each, plan.terms) is None and await lanes.why_not(each) is None):
                yield each


def plan_of(run_id: str, before: Sequence[AuditEntry]) -> Plan:
    """Return the plan of a run that was begun.

    Raises:
        Refused: there is no such run, or it came to its end.
    """
    steps = [each.note.step for each in before if each.note.act == "replay"]
    if "started" not in steps:
        raise Refused(f"there is no replay called {run_id}: `athlete-ally dlq journal` shows the latest")
    if "finished" in steps:
        raise Refused(f"{run_id} came to its end; what failed again can be replayed by a new run")
    started = next(each.note.details for each in before if each.note.step == "started")
    names = ("rate_per_s", "most", "canary", "stop_at", "force", "most_behind")
    plan = Plan(
        selection_of(started["selection"]),
        Terms(**{name: started[name] for name in names}),
        to_sequence=started["to_sequence"],
        letters=started["letters"],
    )
    for stream, durable in started["durables"]:
        plan.by_durable[stream, durable] += 1
    return plan
