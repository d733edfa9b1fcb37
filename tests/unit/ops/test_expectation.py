"""Errors of today's code, turned into what was expected and what to do."""

import json
from pathlib import Path

import pytest

from athlete_ally.ops.dead_letters.expectation import expectation

SAMPLES = Path(__file__).parents[1] / "measurements" / "samples"

OPPOSITES = ("not in", "outside", "must", "needed", "Expected", "Invalid", "got")


def refused() -> list[str]:
    """Return the problem of every refused sample of every kind, without its field."""
    found: set[str] = set()
    for path in SAMPLES.glob("*.json"):
        for sample in json.loads(path.read_text("utf-8")):
            if "refused" in sample:
                found.add(sample["refused"].partition(": ")[2])
    return sorted(found)


@pytest.mark.parametrize("problem", refused())
def test_every_refused_value_has_an_expectation(problem: str) -> None:
    """
    The column `expected` says what is expected, never its opposite, for each error that a kind's samples cause.
    """
    found = expectation(problem).expected

    assert found != problem
    assert [
        each for each in ("not in", "outside", "must", "needed", "Expected", "Invalid", "got") if each in found
    ] == []


@pytest.mark.parametrize(
    ("error", "expected", "remedy"),
    [
        ("not in (0, 300] ms", "above 0 and at most 300 ms", "wrong unit"),
        ("rmssd: not in (0, 300] ms", "rmssd: above 0 and at most 300 ms", "wrong unit"),
        ("not in [-15, 15] degrees Celsius", "from -15 to 15 degrees Celsius", "wrong unit"),
        ("must be on or after 2000-01-02", "on or after 2000-01-02", "clock"),
        ("must be later than start", "later than start", "contract"),
        ("required, but missing", "a value", "dlq edit"),
        ("needed: at least one of rmssd, sdnn", "at least one of rmssd, sdnn", "dlq edit"),
        ("Expected `float`, got `str`", "`float`", "contract"),
        ("Expected `float` <= 100.0", "`float` <= 100.0", "contract"),
        ("Object missing required field `readings`", "an object with the field `readings`", "dlq edit"),
        ("Invalid enum value '...'", "one of the values that the HTTP interface lists", "contract"),
        (
            "unknown field; did you mean 'rmssd'? Put what is not in the schema under raw",
            "the field 'rmssd', or the value under raw",
            "misspelt rmssd",
        ),
        (
            "unknown field; Put what is not in the schema under raw",
            "a field of this kind; other fields belong under raw",
            "add the field to the kind",
        ),
        ("no person is linked to this account", "an account that is linked to a person", "accounts add"),
        (
            "the permission is withdrawn: the person has to connect again",
            "an active permission of the person",
            "connect link",
        ),
        (
            "the database refuses the row (SQLSTATE 23514)",
            "a row that the database accepts (SQLSTATE 23514)",
            "constraint",
        ),
        ('the body is not {"readings": [...]}: not UTF-8', 'a body of the form {"readings": [...]}', "dlq resolve"),
        ("no rule knows this", "no rule knows this", "dlq test"),
    ],
)
def test_an_error_becomes_what_was_expected(error: str, expected: str, remedy: str) -> None:
    """
    The limits stay, the sense is turned round, and the remedy fits; an unknown error is shown as it is.
    """
    found = expectation(error)

    assert (expected, True) == (found.expected, remedy in found.remedy)
