"""The committed dashboard, and its queries as Grafana would send them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    panel: str
    expr: str
    legend: str

    @property
    def legend_labels(self) -> set[str]:
        """Return the labels that the legend uses."""
        return set(re.findall(r"\{\{(\w+)\}\}", self.legend))


def load_dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return json.loads((ROOT / "monitoring/grafana/normalize-dashboard.json").read_text(encoding="utf-8"))


def fill(expr: str, rate_interval: str) -> str:
    """Return a query with its variables filled in: everything chosen."""
    return re.sub(r"\$(job|instance|stream|durable)\b", ".+", expr.replace("$__rate_interval", rate_interval))


def queries(rate_interval: str) -> Iterator[Query]:
    """Yield every query of every panel."""
    for panel in load_dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield Query(panel["title"], fill(target["expr"], rate_interval), target["legendFormat"])


def annotations() -> list[str]:
    """Return the queries of the annotations."""
    return [each["expr"] for each in load_dashboard()["annotations"]["list"]]
