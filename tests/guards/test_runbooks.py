"""Runbooks: each alert has its page, and each page all that somebody needs who is woken by it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from generator.clock import Clock
from generator.files import environments
from generator.rules import all_alerts
from support.alert_runbooks import Command, commands

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "runbooks" / "alerts"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md"))
ALERTS = all_alerts(environments(ROOT)["production"].thresholds, Clock())
COMMANDS = list(commands())
HEADINGS = [
    "In one line",
    "Impact and time to data loss",
    "First five minutes",
    "Decision table",
    "Mitigate",
    "Verify",
    "Escalate",
    "Why this threshold",
]
# They look and change nothing, whatever they are given.
READ_ONLY = re.compile(
    r"uv run athlete-ally (doctor|dlq (list|show|top)|streams (plan|status))|promtool (query|check)|curl -s http://127"
    r"|amtool (alert query|config routes)|docker compose -f deploy/compose\.yaml (ps|logs)"
)


def read(name: str) -> str:
    """Return the text of a page."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    """Return one section of a page."""
    return read(name).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_alerts_and_pages_match_one_to_one() -> None:
    """
    No alert without a page, no page without an alert.
    """
    assert sorted({alert.name for alert in ALERTS}) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_front_matter(name: str) -> None:
    """
    It names its alert, the severities of its rules, the role that owns it, and the day of its last drill.
    """
    front: dict[str, Any] = yaml.safe_load(read(name).split("---\n")[1])
    severities = {alert.severity for alert in ALERTS if alert.name == name}

    assert set(front) == {"alert", "severity", "owner", "last_drilled"}
    assert front["alert"] == name
    assert all(severity in front["severity"] for severity in severities)
    assert re.fullmatch(r"never|\d{4}-\d\d-\d\d", str(front["last_drilled"]))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_all_its_sections_in_order(name: str) -> None:
    """
    None is missing and none is empty.
    """
    assert re.findall(r"^## (.+)$", read(name), re.MULTILINE) == HEADINGS
    assert all(section(name, heading).strip() for heading in HEADINGS)


@pytest.mark.parametrize("name", PAGES)
def test_the_first_five_minutes_change_nothing(name: str) -> None:
    """
    Three commands, each read-only, each with what to expect of it; what a test can run has its output too.
    """
    first = [look for look in COMMANDS if look.page == name]

    assert len(first) == section(name, "First five minutes").count("Expect: ") == 3
    assert [look.command for look in first if not READ_ONLY.match(look.command)] == []
    assert [look.command for look in first if look.is_run and look.expected is None] == []


@pytest.mark.parametrize("look", [look for look in COMMANDS if not look.is_run], ids=lambda look: look.page)
def test_what_docker_is_asked_for_is_in_the_compose_file(look: Command) -> None:
    """
    Docker can't be run by the tests: the services that it is asked for are those of the file.
    """
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    words = look.command.removeprefix("docker compose -f deploy/compose.yaml ").split()

    assert re.fullmatch(r"ps( \w+)?|logs --tail \d+ \w+", " ".join(words))
    assert words[-1] == "ps" or words[-1] in services


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_only_for_series_that_exist(name: str) -> None:
    """
    Every recorded series that a page names is recorded by the rules.
    """
    rules = (ROOT / "monitoring" / "alert_rules.yml").read_text(encoding="utf-8")
    recorded = set(re.findall(r"record: (\S+)", rules))

    assert set(re.findall(r"aa:\w+:\w+", read(name))) - recorded == set()


@pytest.mark.parametrize("name", PAGES)
def test_a_decision_table_decides(name: str) -> None:
    """
    At least two things that one may see, each with what it is and what to do.
    """
    rows = re.findall(r"^\|(.+)\|$", section(name, "Decision table"), re.MULTILINE)[2:]

    assert len(rows) >= 2
    assert all(len([cell for cell in row.split(" | ") if cell.strip()]) == 3 for row in rows)
