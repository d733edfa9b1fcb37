"""Alerts on the objectives: the error budget is spent too fast, in the short and in the long run.

Method and factors: https://sre.google/workbook/alerting-on-slos/ (multiwindow, multi-burn-rate).
"""

from dataclasses import dataclass
from typing import Literal

from generator.alert import Alert, Severity
from generator.clock import Clock

INGEST_OBJECTIVE = 0.999
"""Share of requests that are not refused because of our own failures, over 30 days."""
FRESHNESS_OBJECTIVE = 0.99
"""Share of readings that are stored within 60 s of their receipt, over 30 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objective:
    """`ratio` and `events` are recorded series without their window: the share of failures, and of how many events."""

    alert: str
    service: Literal["ingest", "normalize"]
    share: float
    ratio: str
    events: str
    summary: str
    failed: str


_OBJECTIVES = (
    _Objective(
        alert="AaIngestBudgetBurn",
        service="ingest",
        share=INGEST_OBJECTIVE,
        ratio="aa:ingest_errors:ratio",
        events="aa:ingest_requests:increase",
        summary="Ingest refuses too many requests",
        failed="requests were refused over",
    ),
    _Objective(
        alert="AaFreshnessBudgetBurn",
        service="normalize",
        share=FRESHNESS_OBJECTIVE,
        ratio="aa:readings_late:ratio",
        events="aa:readings_stored:increase",
        summary="Readings are stored late",
        failed="readings took over 60 s, over",
    ),
)
# (severity, long window, short window, factor): 14.4 spends two per cent of 30 days' budget in an hour, 3 ten per cent
# in a day.
_BURNS: tuple[tuple[Severity, int, int, float], ...] = (("page", 3600, 300, 14.4), ("ticket", 86_400, 7200, 3.0))
# One failure of ten requests in a quiet hour does not spend the budget; from here on a share is meaningful.
LEAST_EVENTS = 200


def objective_alerts() -> list[Alert]:
    """Return the alerts; the recorded series that they ask for have the pace of the clock already."""
    return [_alert(objective, *burn) for burn in _BURNS for objective in _OBJECTIVES]


def _alert(objective: _Objective, severity: Severity, long_s: int, short_s: int, factor: float) -> Alert:
    long, short = Clock().span(long_s), Clock().span(short_s)
    ratio, most = objective.ratio, f"{factor * (1 - objective.share):g}"
    return Alert(
        name=objective.alert,
        severity=severity,
        service=objective.service,
        expr=f"{ratio}{long} > {most} and {ratio}{short} > {most} and {objective.events}{long} > {LEAST_EVENTS}",
        wait_s=120,
        summary=objective.summary,
        description=f"{{{{ $value | humanizePercentage }}}} of {objective.failed} {long}.",
        impact=f"The budget of the objective ({100 * objective.share:g}%) is spent {factor:g} times too fast.",
        first_command="athlete-ally doctor",
        panel="Error budget burn",
    )
