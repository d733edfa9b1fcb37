"""Drift as series, for the textfile collector of node_exporter. Pure."""

from collections.abc import Iterator

from athlete_ally.core.series import DRIFT, DRIFT_CHECKED, Series
from athlete_ally.ops.streams.plan import Plan


def drift_text(plan: Plan, checked_at_s: float) -> str:
    """Return the differences of a plan in Prometheus' text format; without any, only when it was checked."""
    lines = [*_head(DRIFT)]
    for change in plan.changes:
        labels = dict(zip(DRIFT.labels, (plan.environment, change.name, change.field, change.danger), strict=True))
        pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
        lines.append(f"{DRIFT.name}{{{pairs}}} 1")
    lines += [*_head(DRIFT_CHECKED), f'{DRIFT_CHECKED.name}{{environment="{plan.environment}"}} {checked_at_s:.0f}']
    return "\n".join(lines) + "\n"


def _head(series: Series) -> Iterator[str]:
    yield f"# HELP {series.name} {series.help}"
    yield f"# TYPE {series.name} {series.type}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
