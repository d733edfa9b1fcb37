"""The alerts: their thresholds in each environment, and the index of their runbooks."""

import sys
from pathlib import Path

import msgspec
from reference_markdown import code, codes, table

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "monitoring"))

from generator.clock import Clock  # noqa: E402  # found only on the path above
from generator.files import environments  # noqa: E402
from generator.rules import all_alerts  # noqa: E402

from athlete_ally.core.broker.environment import Thresholds  # noqa: E402

ENVIRONMENTS = environments(ROOT)
ALERTS = all_alerts(ENVIRONMENTS["production"].thresholds, Clock())
NAMES = sorted({alert.name for alert in ALERTS})


def thresholds_table() -> str:
    """Return a row for each threshold: its value in each environment, and who uses it."""
    order = ("dev", "staging", "production")
    rows = (
        (
            code(field.name),
            *(str(getattr(ENVIRONMENTS[name].thresholds, field.name)) for name in order),
            codes(sorted({alert.name for alert in ALERTS if field.name in alert.limits})),
        )
        for field in msgspec.structs.fields(Thresholds)
    )
    return table(("threshold", *order, "alerts"), rows)


def alerts_table() -> str:
    """Return a row for each rule of production."""
    rows = (
        (
            f"[{alert.name}](../runbooks/alerts/{alert.name}.md)",
            alert.severity,
            Clock().span(alert.wait_s) if alert.wait_s else "at once",
            code(alert.expr),
        )
        for alert in sorted(ALERTS, key=lambda alert: (alert.name, alert.severity))
    )
    return table(("alert", "severity", "waits", "fires while"), rows)


def runbooks_table() -> str:
    """Return a row for each alert, with what it means."""
    return table(("alert", "severity", "means"), (_runbook(name) for name in NAMES))


def _runbook(name: str) -> tuple[str, str, str]:
    page = (ROOT / "docs" / "runbooks" / "alerts" / f"{name}.md").read_text("utf-8")
    means = page.partition("## In one line\n\n")[2].partition("\n\n")[0]
    severities = dict.fromkeys(alert.severity for alert in ALERTS if alert.name == name)
    return f"[{name}](alerts/{name}.md)", ", ".join(severities), means
