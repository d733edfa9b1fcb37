"""Filling in a person's past at one vendor: window by window, each on record once the stream holds its answers."""

from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from math import floor
from typing import assert_never

from athlete_ally.core.errors import InvalidMessage, MessageTooLarge, Withdrawn
from athlete_ally.core.ports import Now, Publisher
from athlete_ally.core.vendor.api import Api, Rate
from athlete_ally.core.vendor.grant import Grant
from athlete_ally.core.vendor.history import BackfillStore, OutOfReach, Portion, Window, cut, left_of
from athlete_ally.core.vendor.webhook import Resource
from athlete_ally.fetch.dead_letters import fetched
from athlete_ally.fetch.resource import Fetcher, Got, Hopeless, Nothing, Outcome
from athlete_ally.fetch.retry import BoundedRetry

# What a vendor allows belongs to live notifications first: a back-fill never takes the last quarter of it.
_SHARE = 0.75


def sparing(api: Api) -> Api:
    """Return an API of which nobody asks more than a share of what the vendor allows, others' requests counted."""
    return replace(api, rates=tuple(Rate(max(1, floor(rate.requests * _SHARE)), rate.window_s) for rate in api.rates))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be asked for on behalf of one person, the most recent days first.

    `had` counts the windows that an earlier run had. `beyond` is what the vendor does not have any more.
    """

    grant: Grant
    portions: tuple[Portion, ...]
    had: int
    beyond: tuple[OutOfReach, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """A window that could not be fetched, and why (without values)."""

    portion: Portion
    error: str


@dataclass(slots=True)
class Tally:
    """The outcome of a plan: windows that were fetched, how many of them are empty at the vendor, and messages."""

    windows: int = 0
    empty: int = 0
    answers: int = 0
    lacking: list[Lacking] = field(default_factory=list[Lacking])


@dataclass(frozen=True, slots=True)
class Backfill:
    """Fills in the past of people at one vendor. `fetcher` has an API that spares (see `sparing`)."""

    fetcher: Fetcher
    publisher: Publisher
    backfill_store: BackfillStore
    retry: BoundedRetry
    now: Now

    async def plan(self, grant: Grant, wanted: Window, *, again: bool) -> Plan:
        """Return the windows that are left to fetch; with `again`, all of them.

        Raises:
            Unavailable: the database can't be reached.
        """
        cuts = [cut(listing, wanted, self.now().date()) for listing in self.fetcher.api.history]
        portions = [portion for portions, _ in cuts for portion in portions]
        left = left_of(portions, [] if again else await self.backfill_store.had(grant.id))
        beyond = tuple(each for _, each in cuts if each is not None)
        return Plan(grant, tuple(left), len(portions) - len(left), beyond)

    async def carry_out(self, plan: Plan, tally: Tally, tell: Callable[[int, int], None]) -> None:
        """Ask for everything; `tally` says how far it came, at any time. `tell` hears of windows done, and of how many.

        May be killed at any moment and done again: what was asked for and is not on record is asked for again, and its
        answers are the same messages.

        Raises:
            Withdrawn: the person's permission is not honoured any more.
            Unavailable: the vendor, the stream or the database was away for too long.
        """
        left, done = deque(plan.portions), 0
        while left:
            tell(done, done + len(left))
            portion = left.popleft()
            try:
                await self._have(plan.grant, portion, tally)
                done += 1
            except MessageTooLarge:
                halves = [Portion(portion.listing, window) for window in portion.window.halves()]
                left.extendleft(halves)
                if not halves:
                    tally.lacking.append(Lacking(portion, "the answer of this day is larger than a message may be"))
        tell(done, done)

    async def _have(self, grant: Grant, portion: Portion, tally: Tally) -> None:
        """Ask for one window, and put it on record once the stream has it all."""
        answers, errors = 0, list[str]()
        async for outcome in self._outcomes(portion, grant.granted.account):
            answers += await self._keep(grant, portion.listing.type, outcome, errors)
        tally.answers += answers
        if errors:
            tally.lacking.append(Lacking(portion, errors[0]))
            return
        await self.retry.until_done(lambda: self.backfill_store.remember(grant.id, portion, answers))
        tally.windows += 1
        tally.empty += answers == 0

    async def _outcomes(self, portion: Portion, account: str) -> AsyncGenerator[Outcome]:
        """Ask for what a window holds: one outcome, or one for each resource that the vendor's list names."""
        listing, call = portion.listing, portion.listing.call(portion.window)
        listed = await self.retry.until_done(lambda: self.fetcher.ask(call, account))
        if listing.names is None or not isinstance(listed, Got):
            yield listed
            return
        try:
            resources = [Resource(account, listing.type, name) for name in listing.names(listed.body)]
        except InvalidMessage:
            yield Hopeless("refused", "the vendor's list can't be read")
            return
        for resource in resources:
            yield await self.retry.until_done(lambda resource=resource: self.fetcher.get(resource))

    async def _keep(self, grant: Grant, kind: str, outcome: Outcome, errors: list[str]) -> int:
        """Publish what was got, and return how many messages that is."""
        match outcome:
            case Got(_, body):
                message = fetched(grant.granted.vendor, grant.id, kind, body, at=self.now())
                await self.retry.until_done(lambda: self.publisher.publish(message))
                return 1
            case Nothing():
                return 0
            case Hopeless("refused", error):
                errors.append(error)
                return 0
            case Hopeless(_, error):
                raise Withdrawn(error)
            case _:
                assert_never(outcome)
