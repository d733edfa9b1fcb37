"""The list of what files can hold says what the readers do."""

import json
from typing import Any

import pytest
from support.exports import export_xml, record

from athlete_ally.formats import apple_health, health_auto_export
from athlete_ally.formats.apple_xml import elements
from athlete_ally.formats.file_catalogue import CATALOGUE
from athlete_ally.formats.fit_wellness import LEFT_OUT
from athlete_ally.formats.parse_result import NO_KIND, Finding, Skipped

ELEMENTS = {"Workout", "WorkoutActivity", "ActivitySummary"}


def names(title: str, fate: str) -> list[str]:
    """Return what a format can hold that is handled so."""
    return [said.name for said in CATALOGUE[title] if said.fate == fate]


def is_known(found: list[Finding]) -> bool:
    """Tell whether a reader took it, whatever was wrong with it."""
    return not any(isinstance(each, Skipped) and each.reason == NO_KIND for each in found)


@pytest.mark.parametrize("name", [name for name in names("Apple Health", "taken") if name not in ELEMENTS])
def test_a_type_of_apple_health_that_is_taken_has_a_reader(name: str) -> None:
    """
    Each name of the list is a type that a reader takes; any other is not.
    """
    prefix = "HKCategoryTypeIdentifier" if name == "SleepAnalysis" else "HKQuantityTypeIdentifier"
    found = [
        list(apple_health.findings(elements([export_xml(record(each, "1", "07:00:00"))]), "me"))
        for each in (f"{prefix}{name}", f"{prefix}{name}X")
    ]

    assert [is_known(each) for each in found] == [True, False]


@pytest.mark.parametrize("name", [name for name in names("Health Auto Export", "taken") if " " not in name])
def test_a_metric_of_health_auto_export_that_is_taken_has_a_reader(name: str) -> None:
    """
    Each name of the list is a metric, or the list of workouts, that a reader takes.
    """
    metrics: list[Any] = [{"name": name, "units": "ms", "data": [{}]}]
    data: dict[str, Any] = {"workouts": [{}]} if name == "workouts" else {"metrics": metrics}

    assert is_known(list(health_auto_export.findings(json.dumps({"data": data}).encode(), "me")))


def test_messages_of_fit_that_are_left_out_are_in_the_list() -> None:
    """
    What the reader names with a reason has its row, taken or not.
    """
    assert sorted(LEFT_OUT.keys() - {said.name for said in CATALOGUE["FIT"]}) == []
