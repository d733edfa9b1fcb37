"""The circuit breaker of one durable's worker: it counts, pauses the worker, and reports every change."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from athlete_ally.core.broker import topology
from athlete_ally.core.circuit_breaker import STATES, CircuitBreaker, Outcome, Trip
from athlete_ally.core.ports import Log, Now, Observer
from athlete_ally.core.series import NormalizeSeries

_SENDERS_NAMED = 3
_REMEDY = "look at the dead letters (`athlete-ally dlq top`) and fix the cause; the worker tries again by itself"


@dataclass(frozen=True, slots=True)
class Lane:
    """What a breaker guards: the worker of `durable`, which is `doing` this with `unit`. Not all units name senders."""

    durable: str
    doing: str
    unit: str
    names_senders: bool


def stored_lane(kind: str) -> Lane:
    """Return the lane of a kind."""
    return Lane(topology.normalize_durable(kind), f"storing {kind}", "readings", names_senders=True)


def unpacked_lane(vendor: str) -> Lane:
    """Return the lane of a vendor's webhooks."""
    return Lane(topology.unpack_durable(vendor), f"unpacking {vendor}", "webhooks", names_senders=False)


class LaneBreaker:
    """What a worker asks before it pulls, and tells after it has stored."""

    def __init__(
        self, lane: Lane, breaker: CircuitBreaker, *, observer: Observer, series: NormalizeSeries, log: Log, now: Now
    ) -> None:
        """Guard a lane."""
        self._lane, self._breaker = lane, breaker
        self._observer, self._series, self._log, self._now = observer, series, log, now
        self._shown = breaker.state
        self._show()

    @property
    def is_tripped(self) -> bool:
        """Tell whether nothing may be handled now."""
        return self._breaker.state == "tripped"

    @property
    def problem(self) -> str:
        """Return since when, and why, nothing is stored; empty while the worker runs."""
        trip = self._breaker.trip
        if self._breaker.state == "running" or trip is None:
            return ""
        state = self._breaker.state
        following = "it is probing now" if state == "probing" else f"next probe at {_clock(trip.probe_at)}"
        return f"{stopped_text(self._lane, trip)}; {following}"

    def pull_limit(self, batch: int) -> int:
        """Return how many messages may be pulled now; a probe that is due begins."""
        limit = self._breaker.pull_limit(batch, self._now())
        self._report()
        return limit

    async def pause(self, stop: asyncio.Event) -> None:
        """Return when a probe is due, or the service stops; at once unless it is tripped."""
        try:
            async with asyncio.timeout(self._breaker.wait_s(self._now())):
                await stop.wait()
        except TimeoutError:
            return

    def room_for(self, outcomes: Sequence[Outcome]) -> int:
        """Return how many of these messages may be handled before it trips, the one that trips it included."""
        return self._breaker.room_for(outcomes, self._now())

    def record(self, outcome: Outcome) -> None:
        """Count one message."""
        self._breaker.record(outcome, self._now())
        self._report()

    def _report(self) -> None:
        before, state, trip = self._shown, self._breaker.state, self._breaker.trip
        if state == before or trip is None:
            return
        self._shown = state
        self._show()
        durable, text = self._lane.durable, stopped_text(self._lane, trip)
        if state == "tripped":
            event = "fuse-open" if before == "running" else "fuse-probe-failed"
            again = _instant(trip.probe_at)
            self._log.error(event, durable=durable, error=text, next_probe_at=again, remedy=_REMEDY)
        else:
            event = "fuse-probing" if state == "probing" else "fuse-closed"
            self._log.info(event, durable=durable, stopped_at=_instant(trip.at))

    def _show(self) -> None:
        durable = self._lane.durable
        self._observer.set(self._series.breaker, durable, value=float(self._shown != "running"))
        for state in STATES:
            self._observer.set(self._series.breaker_state, durable, state, value=float(state == self._shown))


def stopped_text(lane: Lane, trip: Trip) -> str:
    """Return when normalize stopped, and after how many failures of which senders."""
    number = sum(failed for _, failed in trip.failed)
    text = f"normalize stopped {lane.doing} at {_clock(trip.at)} after {number} failed {lane.unit}"
    if not lane.names_senders:
        return text
    named = [f"{sender} ({failed})" for sender, failed in trip.failed[:_SENDERS_NAMED]]
    if more := len(trip.failed) - len(named):
        named.append(f"{more} more")
    return f"{text} from {', '.join(named)}"


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M} UTC"
