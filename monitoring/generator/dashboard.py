"""The dashboard in Grafana's classic schema, which Grafana 10 to 13 import and provision."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from athlete_ally.core.broker.environment import Thresholds
from generator.alert import DASHBOARD_UID, RUNBOOKS
from generator.panel import DATASOURCE, Panel
from generator.rows import Row, rows

_WIDTH = 24
_ROW_HEIGHT = 1
# The last of the classic schema: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
_SCHEMA = 42
_ON_TIME_RANGE_CHANGE = 2


def panel_ids(limits: Thresholds) -> dict[str, int]:
    """Return the id of each panel by its title, for links into the dashboard."""
    return {panel["title"]: panel["id"] for panel in _panels(rows(limits)) if panel["type"] != "row"}


def dashboard(limits: Thresholds, *, runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Return the dashboard, with the limits of one environment drawn in."""
    return {
        "uid": DASHBOARD_UID,
        "title": "Athlete Ally: from ingest to row",
        "description": "Whether readings arrive, are stored in time, and none is lost; and if not, where they are.",
        "tags": ["athlete-ally"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{"title": "Runbooks", "type": "link", "url": "${runbooks}/README.md", "targetBlank": True}],
        "templating": {"list": list(_variables(runbooks))},
        "annotations": {"list": [_ALERTS, _DEPLOYS]},
        "panels": list(_panels(rows(limits))),
    }


def as_json(document: Mapping[str, Any]) -> str:
    """Return the text of the file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _panels(all_rows: list[Row]) -> Iterator[dict[str, Any]]:
    """Yield each row and its panels, left to right, and a new line where the next one does not fit."""
    y = 0
    for number, (title, panels) in enumerate(all_rows):
        first_id = 100 * (number + 1)
        yield {
            "id": first_id,
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": {"h": _ROW_HEIGHT, "w": _WIDTH, "x": 0, "y": y},
            "panels": [],
        }
        y += _ROW_HEIGHT
        x = 0
        line: list[Panel] = []
        for place, panel in enumerate(panels):
            if x + panel.width > _WIDTH:
                x, y = 0, y + max(each.height for each in line)
                line = []
            yield panel.document(first_id + place + 1, x, y)
            x += panel.width
            line.append(panel)
        y += max(panel.height for panel in line)


def _variables(runbooks: str) -> Iterator[dict[str, Any]]:
    yield {
        "name": "datasource",
        "label": "Data Source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "current": {"selected": False, "text": "Prometheus", "value": "prometheus"},
        "options": [],
    }
    yield _choice("job", "Service", "label_values(athlete_ally_build_info, job)")
    yield _choice("instance", "Instance", 'label_values(athlete_ally_build_info{job=~"$job"}, instance)')
    yield _choice("stream", "Stream", "label_values(aa:stream:messages, stream)")
    yield _choice("durable", "Durable", 'label_values(aa:consumer_lag:messages{stream=~"$stream"}, durable)')
    yield {
        "name": "runbooks",
        "label": "Where runbooks are",
        "type": "constant",
        "query": runbooks,
        "hide": 2,
        "skipUrlSync": True,
        "current": {"selected": False, "text": runbooks, "value": runbooks},
        "options": [],
    }


def _choice(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": f"variable-{name}"},
        "definition": query,
        "refresh": _ON_TIME_RANGE_CHANGE,
        "regex": "",
        "sort": 1,
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "options": [],
    }


_ALERTS: dict[str, Any] = {
    "name": "Firing alerts",
    "datasource": DATASOURCE,
    "enable": True,
    "iconColor": "red",
    "expr": 'ALERTS{alertstate="firing", alertname=~"Aa.+", severity!="none"}',
    "titleFormat": "{{alertname}}",
    "textFormat": "{{durable}} {{stream}}",
}
_DEPLOYS: dict[str, Any] = {
    "name": "Deploys",
    "datasource": DATASOURCE,
    "enable": True,
    "iconColor": "blue",
    "expr": (
        "max by (service, version) (athlete_ally_build_info) "
        "unless max by (service, version) (athlete_ally_build_info offset 5m)"
    ),
    "titleFormat": "{{service}} {{version}}",
    "textFormat": "first seen",
}
