"""What a panel is, and how Grafana's classic schema writes it."""

from dataclasses import dataclass
from typing import Any, Literal

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_STAT_HEIGHT, _SERIES_HEIGHT = 4, 8


@dataclass(frozen=True, slots=True)
class Target:
    """A query, and what its series are called; `examples` asks for exemplars."""

    expr: str
    legend: str
    examples: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `limits` are (value, colour) from which on it changes colour; `alerts` are those on its series.

    `colours` fixes the colour of a series by its legend. `decimals` of None leaves them to Grafana.
    """

    title: str
    description: str
    unit: str
    targets: tuple[Target, ...]
    width: int
    no_value: str = "nothing measured"
    kind: Literal["stat", "timeseries"] = "timeseries"
    style: Literal["line", "area", "stack", "bars"] = "line"
    limits: tuple[tuple[float, str], ...] = ()
    alerts: tuple[str, ...] = ()
    colours: tuple[tuple[str, str], ...] = ()
    max: float | None = None
    decimals: int | None = None

    @property
    def height(self) -> int:
        """Return the height in Grafana's grid."""
        return _STAT_HEIGHT if self.kind == "stat" else _SERIES_HEIGHT

    def document(self, panel_id: int, x: int, y: int) -> dict[str, Any]:
        """Return the panel as Grafana reads it."""
        return {
            "id": panel_id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "links": self._links(),
            "targets": [_target(number, target, self.kind) for number, target in enumerate(self.targets)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": [_colour(*each) for each in self.colours]},
            "options": _STAT_OPTIONS if self.kind == "stat" else _SERIES_OPTIONS,
        }

    def _links(self) -> list[dict[str, Any]]:
        runbooks = [(f"Runbook: {alert}", f"${{runbooks}}/alerts/{alert}.md") for alert in self.alerts]
        return [
            {"title": title, "url": url, "targetBlank": True}
            for title, url in runbooks or [("Runbooks", "${runbooks}/README.md")]
        ]

    def _defaults(self) -> dict[str, Any]:
        steps: list[dict[str, Any]] = [{"value": None, "color": "green"}]
        steps += [{"value": value, "color": colour} for value, colour in self.limits]
        defaults: dict[str, Any] = {
            "unit": self.unit,
            "min": 0,
            "noValue": self.no_value,
            "color": {"mode": "thresholds" if self.kind == "stat" else "palette-classic"},
            "thresholds": {"mode": "absolute", "steps": steps},
        }
        if self.max is not None:
            defaults["max"] = self.max
        if self.decimals is not None:
            defaults["decimals"] = self.decimals
        if self.kind == "timeseries":
            defaults["custom"] = self._drawing()
        return defaults

    def _drawing(self) -> dict[str, Any]:
        return {
            "drawStyle": "bars" if self.style == "bars" else "line",
            "lineWidth": 1,
            "fillOpacity": {"line": 0, "area": 20, "stack": 40, "bars": 70}[self.style],
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if self.style in {"stack", "bars"} else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if self.limits else "off"},
        }


def _target(number: int, target: Target, kind: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "expr": target.expr,
        "legendFormat": target.legend,
        "range": kind != "stat",
        "instant": kind == "stat",
    }
    if target.examples:
        document["exemplar"] = True
    return document


def _colour(legend: str, colour: str) -> dict[str, Any]:
    return {
        "matcher": {"id": "byName", "options": legend},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
    }


_STAT_OPTIONS: dict[str, Any] = {
    "colorMode": "background",
    "graphMode": "none",
    "justifyMode": "center",
    "orientation": "auto",
    "textMode": "auto",
    "wideLayout": True,
    "showPercentChange": False,
    "percentChangeColorMode": "standard",
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
}
_SERIES_OPTIONS: dict[str, Any] = {
    "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
