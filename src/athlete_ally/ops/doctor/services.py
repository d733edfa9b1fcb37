"""What a doctor's round finds about running services: readiness, the circuit breakers, and messages that wait. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from athlete_ally.core.broker.topology import REAP_ADVISORIES_DURABLE
from athlete_ally.ops.doctor.finding import Check
from athlete_ally.ops.streams.overview import DurableRow

_REMEDIES = {
    "normalize stopped": "`athlete-ally dlq top` shows what fails; docs/runbooks/alerts/AaFuseOpen.md",
    "PostgreSQL": "the PostgreSQL lines below name the cause",
    "NATS": "the NATS lines below name the cause",
}
_OTHER_REMEDY = "the lines below name the cause; the log of the service has more"


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The answer of a service: why it is not ready, and by durable the age in seconds of the oldest message that waits.

    `error` says why there is no answer.
    """

    name: str
    url: str
    error: str = ""
    reasons: tuple[str, ...] = ()
    oldest_s: Mapping[str, float] | None = None


def check_service(state: ServiceState) -> list[Check]:
    """Check one service: a line for each reason why it can't work."""
    if state.error:
        remedy = f"start {state.name}, or set AA_{state.name.upper()}_URL to the address where it runs"
        return [Check(state.name, "unknown", f"no answer at {state.url}: {state.error}", remedy)]
    if not state.reasons:
        return [Check(state.name, "ok", f"ready at {state.url}")]
    return [Check(state.name, "failure", f"not ready: {reason}", _remedy(reason)) for reason in state.reasons]


def check_lag(
    rows: Sequence[DurableRow], oldest_s: Mapping[str, float] | None, most_messages: int, most_s: float
) -> list[Check]:
    """Check that no durable is behind: by messages, and by the age that normalize tells of the oldest that waits.

    Without ages (None) messages that wait are unknown, not well. A paused durable has a check of its own, and so have
    the advisories.
    """
    checks = [
        check
        for row in rows
        if row.lag and not row.paused and row.name != REAP_ADVISORIES_DURABLE
        for check in _of_durable(row, oldest_s, most_messages, most_s)
    ]
    return checks or [Check("lag", "ok", "no durable is behind")]


def _of_durable(
    row: DurableRow, oldest_s: Mapping[str, float] | None, most_messages: int, most_s: float
) -> Iterable[Check]:
    waits = f"{row.name}: {row.lag:,} messages wait"
    remedy = "see the lines of its service, and docs/runbooks/alerts/AaConsumerLagAge.md"
    age_s = None if oldest_s is None else oldest_s.get(row.name)
    if age_s is None:
        detail = f"{waits}; since when only normalize can tell"
        yield Check("lag", "unknown", detail, "start normalize, or set AA_NORMALIZE_URL")
    elif age_s > most_s:
        detail = f"{waits}, the oldest for {round(age_s):,} s (limit {round(most_s):,} s)"
        yield Check("lag", "failure", detail, remedy)
    elif row.lag > most_messages:
        yield Check("lag", "warning", f"{waits} (limit {most_messages:,})", remedy)


def _remedy(reason: str) -> str:
    return next((remedy for start, remedy in _REMEDIES.items() if start in reason), _OTHER_REMEDY)
