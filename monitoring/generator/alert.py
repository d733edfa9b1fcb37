"""What an alert is."""

from dataclasses import dataclass
from typing import Any, Literal

from generator.clock import Clock

Severity = Literal["page", "ticket", "none"]
"""`page`: a person acts now. `ticket`: on the next working day. `none`: only shows that alerting works."""

# Prometheus counts a failed scrape as the end of every series: a firing alert must outlive some of them.
_KEEP_S = 300

GRAFANA = "http://127.0.0.1:3000"
DASHBOARD_UID = "aa-normalize"
RUNBOOKS = "/public/runbooks"
"""Where the Grafana of deploy/compose.yaml serves docs/runbooks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule: when it fires, and the text for the person on call.

    `wait_s` is how long the expression has to hold. `panel` is the title of the dashboard's panel that shows it.
    `limits` names the thresholds of the environment that are in the expression.
    """

    name: str
    severity: Severity
    service: Literal["fetch", "ingest", "normalize", "streams", "monitoring"]
    expr: str
    wait_s: float
    summary: str
    description: str
    impact: str
    first_command: str
    panel: str
    limits: tuple[str, ...] = ()
    keep_s: float = _KEEP_S

    def rule(self, clock: Clock, *, grafana: str, runbooks: str, panel_id: int) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expr}
        if self.wait_s:
            rule["for"] = clock.span(self.wait_s)
        if self.keep_s:
            rule["keep_firing_for"] = clock.span(self.keep_s)
        rule["labels"] = {"severity": self.severity, "service": self.service}
        rule["annotations"] = {
            "summary": self.summary,
            "description": self.description,
            "impact": self.impact,
            "first_command": self.first_command,
            "runbook_url": f"{runbooks}/alerts/{self.name}.md",
            "dashboard_url": f"{grafana}/d/{DASHBOARD_UID}?viewPanel={panel_id}",
        }
        return rule
