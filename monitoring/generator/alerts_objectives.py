"""Alerts on the objectives: the error budget is spent too fast, in the short and in the long run.

Method and factors: https://sre.google/workbook/alerting-on-slos/ (multiwindow, multi-burn-rate).
"""

from generator.alert import Alert, Severity
from generator.clock import Clock

INGEST_OBJECTIVE = 0.999
"""Share of requests that are not refused because of our own failures, over 30 days."""
FRESHNESS_OBJECTIVE = 0.99
"""Share of readings that are stored within 60 s of their receipt, over 30 days."""

# (severity, long window, short window, factor): 14.4 spends two per cent of 30 days' budget in an hour, 3 ten per cent
# in a day.
_BURNS: tuple[tuple[Severity, int, int, float], ...] = (("page", 3600, 300, 14.4), ("ticket", 86_400, 7200, 3.0))
# One failure of ten requests in a quiet hour does not spend the budget; from here on a share is meaningful.
LEAST_EVENTS = 200


def objective_alerts() -> list[Alert]:
    """Return the alerts; the recorded series that they ask for have the pace of the clock already."""
    return [alert for burn in _BURNS for alert in (_ingest(*burn), _freshness(*burn))]


def _ingest(severity: Severity, long_s: int, short_s: int, factor: float) -> Alert:
    return Alert(
        name="AaIngestBudgetBurn",
        severity=severity,
        service="ingest",
        expr=_burn(
            ("aa:ingest_errors:ratio", "aa:ingest_requests:increase"), long_s, short_s, _most(factor, INGEST_OBJECTIVE)
        ),
        wait_s=120,
        summary="Ingest refuses too many requests",
        description=f"{{{{ $value | humanizePercentage }}}} of requests were refused over {Clock().span(long_s)}.",
        impact=f"The budget of the objective ({INGEST_OBJECTIVE:.1%}) is spent {factor:g} times too fast.",
        first_command="athlete-ally doctor",
        panel="Error budget burn",
    )


def _freshness(severity: Severity, long_s: int, short_s: int, factor: float) -> Alert:
    return Alert(
        name="AaFreshnessBudgetBurn",
        severity=severity,
        service="normalize",
        expr=_burn(
            ("aa:readings_late:ratio", "aa:readings_stored:increase"),
            long_s,
            short_s,
            _most(factor, FRESHNESS_OBJECTIVE),
        ),
        wait_s=120,
        summary="Readings are stored late",
        description=f"{{{{ $value | humanizePercentage }}}} of readings took over 60 s, over {Clock().span(long_s)}.",
        impact=f"The budget of the objective ({FRESHNESS_OBJECTIVE:.0%}) is spent {factor:g} times too fast.",
        first_command="athlete-ally doctor",
        panel="Error budget burn",
    )


def _burn(series: tuple[str, str], long_s: int, short_s: int, most: str) -> str:
    (ratio, events), long, short = series, Clock().span(long_s), Clock().span(short_s)
    return f"{ratio}{long} > {most} and {ratio}{short} > {most} and {events}{long} > {LEAST_EVENTS}"


def _most(factor: float, objective: float) -> str:
    return f"{factor * (1 - objective):g}"
