"""The dashboard: it asks only for what is exported, follows Grafana's linter, and agrees with the alerts.

The rules of https://github.com/grafana/dashboard-linter are written out here, since the program itself has no package.
"""

import importlib
import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from generator.clock import Clock
from generator.files import environments
from generator.recording import recording_rules
from generator.rules import all_alerts

from athlete_ally.core.broker.topology import build_topology
from athlete_ally.core.series import (
    broker_series,
    every,
    fetch_series,
    ingest_series,
    journal_series,
    normalize_series,
    unpack_series,
    webhook_series,
)
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

ROOT = Path(__file__).parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "monitoring/grafana/normalize-dashboard.json").read_text("utf-8"))
ROWS = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
ANNOTATIONS = DASHBOARD["annotations"]["list"]
PRODUCTION = environments(ROOT)["production"].thresholds
ALERTS = all_alerts(PRODUCTION, Clock())

_NORMALIZE = normalize_series(KINDS, VENDORS)
_BROKER = broker_series(
    build_topology(KINDS, VENDORS, fetched=FETCHED), [subject for *_, subject in _NORMALIZE.dead_letters.values]
)
_OF_VENDORS = (webhook_series(VENDORS), unpack_series(VENDORS, FETCHED), fetch_series(FETCHED))
SERIES = {
    series.name: series for series in every(*_OF_VENDORS, ingest_series(KINDS), journal_series(), _NORMALIZE, _BROKER)
}
EXPORTED = {
    name if series.type != "histogram" else f"{name}{part}"
    for name, series in SERIES.items()
    for part in ("_bucket", "_count", "_sum")
}
RECORDED = {rule["record"]: rule["expr"] for rules in recording_rules(Clock()).values() for rule in rules}
# Of Prometheus itself, of its client library, and of NATS' exporter where it is called `nats`.
OTHERS = {"up", "ALERTS", "process_resident_memory_bytes", "process_cpu_seconds_total"}
OF_THE_EXPORTER = {name.replace("jetstream_", "nats_", 1) for name in EXPORTED if name.startswith("jetstream_")}
UNITS = {"short", "s", "bytes", "percentunit", "cps", "reqps"}
# Recorded series count replicas once: they have no job and no instance to choose by.
HAS_NO_INSTANCE = re.compile(r"aa:|ALERTS")


def by_title(panel: dict[str, Any]) -> str:
    """Name a panel in a test's id."""
    return panel["title"]


def targets(panel: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the queries of a panel."""
    return panel["targets"]


def all_queries() -> Iterator[str]:
    """Yield every query of dashboard, alerts and recorded series."""
    yield from (target["expr"] for panel in PANELS for target in targets(panel))
    yield from (annotation["expr"] for annotation in ANNOTATIONS)
    yield from (alert.expr for alert in ALERTS)
    yield from RECORDED.values()


def with_values(query: str) -> str:
    """Return a query as Grafana sends it, with its variables filled in."""
    return re.sub(r"\$(job|instance|stream|durable)\b", ".+", query.replace("$__rate_interval", "1m"))


def selectors(query: str) -> list[Any]:
    """Return every selector of a query, found by Prometheus' own grammar."""
    found: list[Any] = []

    def visit(node: Any) -> None:
        match type(node).__name__:
            case "VectorSelector":
                found.append(node)
            case "MatrixSelector":
                found.append(node.vector_selector)
            case "Call":
                for argument in node.args:
                    visit(argument)
            case "BinaryExpr":
                visit(node.lhs)
                visit(node.rhs)
            case "AggregateExpr" | "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
                visit(node.expr)
            case _:
                pass

    visit(promql_parser.parse(with_values(query)))
    return found


def names(selector: Any) -> set[str]:
    """Return the names of all series of ours that a selector can choose."""
    if selector.name:
        return {selector.name}
    pattern = next(matcher.value for matcher in selector.matchers.matchers if matcher.name == "__name__")
    return {name for name in EXPORTED if re.fullmatch(pattern, name)}


def labels_of(name: str) -> set[str]:
    """Return the labels that a series of ours has, and those that Prometheus puts on top."""
    base = re.sub(r"_(bucket|count|sum)$", "", name) if name not in SERIES else name
    return {*SERIES[base].labels, "job", "instance", *({"le"} if name.endswith("_bucket") else ())}


@pytest.mark.parametrize("query", sorted(set(all_queries())))
def test_a_query_asks_for_what_is_there(query: str) -> None:
    """
    Every series that a query names is exported or recorded; labels and their values are those of the catalogue.
    """
    for selector in selectors(query):
        chosen = names(selector)
        assert chosen, query
        assert chosen <= EXPORTED | set(RECORDED) | OTHERS | OF_THE_EXPORTER
        for name in chosen & EXPORTED:
            for matcher in selector.matchers.matchers:
                _check_matcher(name, matcher)


def _check_matcher(name: str, matcher: Any) -> None:
    if matcher.name in {"__name__", "is_consumer_leader", "is_stream_leader"}:
        return
    assert matcher.name in labels_of(name), f"{name} has no label {matcher.name}"
    if matcher.name in {"job", "instance", "le"} or matcher.value == ".+":
        return
    series = SERIES[re.sub(r"_(bucket|count|sum)$", "", name) if name not in SERIES else name]
    known = {values[series.labels.index(matcher.name)] for values in series.values}
    assert any(re.fullmatch(matcher.value, value) for value in known), f"{name}: no {matcher.name} is {matcher.value}"
    for wanted in matcher.value.split("|"):
        assert wanted in known or not re.fullmatch(r"[\w-]+", wanted), f"{name}: no {matcher.name} is {wanted}"


@pytest.mark.parametrize("panel", PANELS, ids=by_title)
def test_a_panel_follows_grafanas_linter(panel: dict[str, Any]) -> None:
    """
    Title, description, unit, the data source's variable, queries that parse, rates over the interval that Grafana works
    out, counters only under a rate, and job and instance chosen by variable wherever a series has them.
    """
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert targets(panel)
    for target in targets(panel):
        assert target["datasource"]["uid"] == "${datasource}"
        _lint_query(target["expr"])


def _lint_query(query: str) -> None:
    ranges = re.findall(r"(?:rate|increase)\([^)]*\[([^\]]+)\]", query)
    assert set(ranges) <= {"$__rate_interval"}, query
    for selector in selectors(query):
        counters = {name for name in names(selector) if re.search(r"_(total|bucket|count|sum)$", name)}
        assert not counters or ranges, f"a counter without a rate: {query}"
        if not any(HAS_NO_INSTANCE.match(name) for name in names(selector)):
            chosen = {matcher.name for matcher in selector.matchers.matchers}
            assert {"job", "instance"} <= chosen, query
    assert query.count("{") == query.count("}")


def test_the_variables_follow_grafanas_linter() -> None:
    """
    One data source, named and labelled so; every choice takes several values and all, and is read again with the time.
    """
    sources = [variable for variable in VARIABLES.values() if variable["type"] == "datasource"]
    choices = [VARIABLES[name] for name in ("job", "instance", "stream", "durable")]

    assert [(source["name"], source["label"], source["query"]) for source in sources] == [
        ("datasource", "Data Source", "prometheus")
    ]
    for choice in choices:
        assert (choice["type"], choice["multi"], choice["includeAll"], choice["allValue"]) == (
            "query",
            True,
            True,
            ".+",
        )
        assert (choice["datasource"]["uid"], choice["refresh"]) == ("${datasource}", 2)
        matcher = re.fullmatch(r"label_values\((.+), (\w+)\)", choice["query"]["query"])
        assert matcher
        assert selectors(matcher[1])
    assert DASHBOARD["editable"] is False


def test_the_dashboard_keeps_its_place() -> None:
    """
    It is addressed by its uid, and lies in Grafana's classic schema, which versions 10 to 13 import.
    """
    assert (DASHBOARD["uid"], DASHBOARD["schemaVersion"]) == ("aa-normalize", 42)
    assert "__inputs" not in DASHBOARD


# The package would have us write the schema that Grafana 10 and 11 do not import.
@pytest.mark.filterwarnings("ignore:Prefer using dashboardv2:DeprecationWarning")
def test_nothing_is_lost_in_grafanas_own_types() -> None:
    """
    Read into the types of Grafana's Foundation SDK and written again, nothing is missing: no key is misspelt.
    """
    # The package says nothing of its types: what comes back is compared as JSON.
    models: Any = importlib.import_module("grafana_foundation_sdk.models.dashboard")
    encoder: Any = importlib.import_module("grafana_foundation_sdk.cog.encoder")
    plugins: Any = importlib.import_module("grafana_foundation_sdk.cog.plugins")
    plugins.register_default_plugins()
    text: str = encoder.JSONEncoder().encode(models.Dashboard.from_json(DASHBOARD))

    assert list(_lost(DASHBOARD, json.loads(text))) == []


def _lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    match ours:
        case dict():
            for key, value in ours.items():  # pyright: ignore[reportUnknownVariableType]
                if not isinstance(theirs, dict) or key not in theirs:
                    yield f"{path}/{key}"
                else:
                    yield from _lost(value, theirs[key], f"{path}/{key}")
        case list():
            for number, value in enumerate(ours):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
                yield from _lost(value, theirs[number], f"{path}/{number}")
        case _ if ours != theirs:
            yield f"{path}: {ours!r} is {theirs!r}"
        case _:
            pass


def test_ids_are_unique_and_panels_do_not_overlap() -> None:
    """
    Links into the dashboard name one panel each, and each has its own place in the 24 columns.
    """
    everything = [*ROWS, *PANELS]
    ids = [panel["id"] for panel in everything]

    assert len(ids) == len(set(ids))
    assert all(place["x"] + place["w"] <= 24 for place in (panel["gridPos"] for panel in everything))
    for one, other in combinations((panel["gridPos"] for panel in everything), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@pytest.mark.parametrize("panel", PANELS, ids=by_title)
def test_a_panel_says_what_it_shows_when_there_is_nothing(panel: dict[str, Any]) -> None:
    """
    A text for no data, an axis from 0, and a way to a runbook that is there.
    """
    defaults = panel["fieldConfig"]["defaults"]

    assert (bool(defaults["noValue"]), defaults["min"]) == (True, 0)
    assert panel["links"]
    for link in panel["links"]:
        _require_page(link["url"])


def test_each_link_leads_to_a_page() -> None:
    """
    The dashboard's own links, and those of the rules: below the address where docs/runbooks is published.
    """
    for link in DASHBOARD["links"]:
        _require_page(link["url"])
    (variable,) = [each for each in DASHBOARD["templating"]["list"] if each["name"] == "runbooks"]
    compose = (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
    assert f"../docs/runbooks:/usr/share/grafana{variable['query']}:ro" in compose
    for rules in ROOT.glob("monitoring/**/alert_rules.yml"):
        for url in re.findall(r"runbook_url: (\S+)", rules.read_text("utf-8")):
            _require_page("${runbooks}" + url.partition(variable["query"])[2])


def _require_page(url: str) -> None:
    base, _, page = url.partition("/")
    assert (base, (ROOT / "docs" / "runbooks" / page).is_file()) == ("${runbooks}", True), url


@pytest.mark.parametrize("panel", PANELS, ids=by_title)
def test_a_legend_names_labels_that_the_query_keeps(panel: dict[str, Any]) -> None:
    """
    What stands in braces in a legend is grouped by, or kept by the series.
    """
    for target in targets(panel):
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            grouped = re.search(r"by \(([^)]*)\)", target["expr"])
            kept = grouped[1].split(", ") if grouped else _labels_of_query(target["expr"])
            assert label in kept, target["expr"]


def _labels_of_query(query: str) -> set[str]:
    (selector,) = selectors(query)
    (name,) = names(selector)
    if name in RECORDED:
        # A series that is made from recorded ones has their labels.
        grouped = re.search(r"by \(([^)]*)\)", RECORDED[name])
        return set(grouped[1].split(", ")) if grouped else _labels_of_query(RECORDED[name].split(" ")[0])
    return {"job", "instance"} if name in OTHERS else labels_of(name)


def test_every_alert_has_a_panel_with_its_limit() -> None:
    """
    The panel that an alert links to links back, and draws the alert's threshold where it comes from the environment.
    """
    by_name = {panel["title"]: panel for panel in PANELS}
    for alert in ALERTS:
        panel = by_name[alert.panel]
        assert any(link["url"].endswith(f"/{alert.name}.md") for link in panel["links"]), alert.name
        steps = {step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]}
        limits = {getattr(PRODUCTION, name) for name in alert.limits if not name.endswith("waiting_for_s")}
        assert limits <= steps, alert.name


def test_panels_speak_only_of_alerts_that_exist() -> None:
    """
    Every runbook that a panel links to is that of an alert.
    """
    linked = {link["url"].rpartition("/")[2].removesuffix(".md") for panel in PANELS for link in panel["links"]}

    assert linked - {"README"} == {alert.name for alert in ALERTS}


def test_grafana_is_given_all_that_the_dashboard_needs() -> None:
    """
    The provisioned data source is the one that the dashboard chooses by itself, and knows the scrape interval.
    """
    provisioning = ROOT / "monitoring/grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text("utf-8"))["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/athlete-ally.yml").read_text("utf-8"))["providers"]
    prometheus = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text("utf-8"))

    assert VARIABLES["datasource"]["current"]["value"] == source["uid"]
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
    assert prometheus["rule_files"] == ["alert_rules.yml"]
    compose = (ROOT / "deploy/compose.yaml").read_text("utf-8")
    assert f":{provider['options']['path']}/normalize-dashboard.json:ro" in compose
