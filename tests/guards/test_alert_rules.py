"""Alerts: promtool finds them valid, and proves of each when it fires, when it does not, and that it ends."""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from generator.alert import Alert
from generator.clock import Clock
from generator.files import environments
from generator.rules import all_alerts
from support.command_line import mistake_in, our_commands

ROOT = Path(__file__).parents[2]
RULES = sorted([ROOT / "monitoring" / "alert_rules.yml", *ROOT.glob("monitoring/environments/*/alert_rules.yml")])
CASES = sorted((ROOT / "tests" / "monitoring").glob("*.yml"))
PRODUCTION = environments(ROOT)["production"].thresholds
ALERTS = all_alerts(PRODUCTION, Clock())
NAMES = sorted({alert.name for alert in ALERTS})
# It ends when alerting is broken: the receiver that waits for it notices, and no rule can.
NEVER_ENDS = {"AaWatchdog"}
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Case:
    """A case for promtool: its title, and for each query whether it finds something, by second.

    `step_s` is how long the rules wait between two evaluations.
    """

    title: str
    step_s: int
    checks: Mapping[str, Sequence[tuple[int, bool]]]

    @property
    def is_punctual(self) -> bool:
        """Tell whether a query finds nothing, and something at most four evaluations later."""
        return any(
            not was and fires and at_s - before_s <= 4 * self.step_s
            for checks in self.checks.values()
            for (before_s, was), (at_s, fires) in pairwise(checks)
        )

    @property
    def ends(self) -> bool:
        """Tell whether a query finds something, and then nothing."""
        return any(
            fired and not fires for checks in self.checks.values() for (_, fired), (_, fires) in pairwise(checks)
        )

    @property
    def finds_something(self) -> bool:
        """Tell whether any query finds something at any time."""
        return any(fires for checks in self.checks.values() for _, fires in checks)


def seconds(span: str) -> int:
    """Return a span of promtool's in seconds."""
    return sum(int(count) * _SECONDS[unit] for count, unit in re.findall(r"(\d+)([dhms])", span))


def cases() -> Iterator[Case]:
    """Yield every case of every file."""
    for path in CASES:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for case in document["tests"]:
            checks: defaultdict[str, list[tuple[int, bool]]] = defaultdict(list)
            for check in case["promql_expr_test"]:
                checks[check["expr"]].append((seconds(check["eval_time"]), bool(check["exp_samples"])))
            yield Case(case["name"], seconds(document["evaluation_interval"]), checks)


def with_needed_rules(path: Path, folder: Path) -> Path:
    """Write cases of a file into `folder`, with those rules only on which they depend; return that file.

    All rules at every step take promtool eight times as long, and change nothing: rules know of each other by name.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    groups = yaml.safe_load(RULES[0].read_text(encoding="utf-8"))["groups"]
    expressions = [check["expr"] for case in document["tests"] for check in case["promql_expr_test"]]
    needed = needed_rules(expressions, [rule for group in groups for rule in group["rules"]])
    kept = [{**group, "rules": [rule for rule in group["rules"] if rule_name(rule) in needed]} for group in groups]
    rules, cases = folder / "rules.yml", folder / path.name
    rules.write_text(yaml.safe_dump({"groups": [group for group in kept if group["rules"]]}), encoding="utf-8")
    names = [group["name"] for group in kept if group["rules"]]
    order = [name for name in document["group_eval_order"] if name in names]
    changed = {**document, "rule_files": [str(rules)], "group_eval_order": order}
    cases.write_text(yaml.safe_dump(changed), encoding="utf-8")
    return cases


def needed_rules(expressions: Sequence[str], rules: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the names of the rules that these expressions name, and that those name, and so on."""
    needed: set[str] = set()
    while expressions:
        words = {word for expression in expressions for word in re.findall(r"[\w:]+", expression)}
        found = {rule_name(rule) for rule in rules} & words - needed
        needed |= found
        expressions = [rule["expr"] for rule in rules if rule_name(rule) in found]
    return needed


def rule_name(rule: Mapping[str, str]) -> str:
    """Return what a rule records, or which alert it is."""
    return rule.get("record") or rule["alert"]


PROVEN = list(cases())
TITLES = [case.title for case in PROVEN]


def named(path: Path) -> str:
    """Return a short name for a test's id."""
    return path.relative_to(ROOT).as_posix()


def run(*command: str | Path) -> None:
    """Fail with the tool's own words unless it is content."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_generated_is_fresh() -> None:
    """
    Rules and dashboard are what the generator makes of the thresholds in deploy/environments.
    """
    run(sys.executable, "scripts/build_monitoring.py", "--check")


@pytest.mark.parametrize("path", RULES, ids=named)
def test_promtool_finds_the_rules_valid(path: Path, require_tool: Callable[[str], str]) -> None:
    """
    Every expression parses, every template too, and no rule is there twice.
    """
    run(require_tool("promtool"), "check", "rules", "--lint-fatal", path)


@pytest.mark.parametrize("path", CASES, ids=named)
def test_alerts_fire_when_they_should(path: Path, tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """
    Each fires at the right minute, stays silent on its nearest innocent twin, and ends when the cause does.
    """
    run(require_tool("promtool"), "test", "rules", with_needed_rules(path, tmp_path))


def test_the_environments_have_their_own_rules() -> None:
    """
    There is a file for each environment.
    """
    assert {"dev", "staging"} == {path.parent.name for path in RULES if path.parent.name != "monitoring"}


@pytest.mark.parametrize("alert", NAMES)
def test_every_alert_is_proven_to_fire_and_to_stay_silent(alert: str) -> None:
    """
    Each has a case in which it fires, and a twin in which it must not, at any time that is looked at.
    """
    assert any(case.title.startswith(f"{alert} fires:") and case.finds_something for case in PROVEN)
    twins = [case for case in PROVEN if case.title.startswith(f"{alert} is silent:")]
    assert twins
    assert [case.title for case in twins if case.finds_something] == []


@pytest.mark.parametrize("alert", sorted(set(NAMES) - NEVER_ENDS))
def test_every_alert_is_proven_to_be_punctual_and_to_end(alert: str) -> None:
    """
    Of each, a case looks shortly before it fires and when it does, and one looks again when its cause is gone.
    """
    about = [case for case in PROVEN if case.title.startswith(f"{alert} ")]

    assert any(case.is_punctual for case in about)
    assert any(case.ends for case in about)


def test_no_case_is_about_an_alert_that_is_gone() -> None:
    """
    Cases and alerts match one to one.
    """
    assert {title.partition(" ")[0] for title in TITLES} == set(NAMES)


def test_a_single_dead_letter_fires_within_ten_minutes() -> None:
    """
    The case that the system which this one replaces could not pass is there.
    """
    assert "AaDeadLettersWaiting fires: a single dead letter on a fresh system, within ten minutes" in TITLES


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.severity}")
def test_an_alert_tells_all_that_a_person_needs(alert: Alert) -> None:
    """
    What happened with its figure, what it means, where to look, and a first command that exists and changes nothing.
    """
    rule: dict[str, Any] = alert.rule(Clock(), grafana="http://grafana.test", runbooks="http://r", panel_id=7)
    says = rule["annotations"]

    assert set(rule["labels"]) == {"severity", "service"}
    assert says["runbook_url"].endswith(f"/{alert.name}.md")
    assert says["dashboard_url"].endswith("viewPanel=7")
    assert ("$value" in says["description"]) == (
        "== 1" not in alert.expr and "absent" not in alert.expr and "vector" not in alert.expr
    )
    assert [mistake_in(words) for words in our_commands(says["first_command"])] == [None]
    assert re.fullmatch(r"athlete-ally (doctor|dlq (list|top)|streams (plan|status))", says["first_command"])


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.severity}")
def test_thresholds_come_from_the_environment(alert: Alert) -> None:
    """
    Whatever threshold an alert names is in its rule, with the value of the environment's file.
    """
    rule = alert.rule(Clock(), grafana="", runbooks="http://r", panel_id=0)
    for name in alert.limits:
        value = getattr(PRODUCTION, name)
        shown = rule["for"] == Clock().span(value) if name.endswith("waiting_for_s") else f"> {value}" in rule["expr"]
        assert shown, name
