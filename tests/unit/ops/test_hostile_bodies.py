"""What a sender wrote is shown with a bound, whatever it wrote."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.hostile import HOSTILE

from athlete_ally.ops.dead_letters.masking import masked, masked_body, pretty_body, revealed_body, short

MOST = 200_000


def revealed_text(body: bytes) -> str:
    """Return what is shown of a revealed body."""
    return revealed_body(body).text


@pytest.mark.parametrize("show", [masked_body, revealed_text], ids=["masked", "revealed"])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_shown_within_a_bound(body: bytes, show: Callable[[bytes], str]) -> None:
    """
    A few hundred kilobytes at most, whatever the body's depth, width, texts and characters.
    """
    assert len(show(body)) <= MOST


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_left_out_is_said(body: bytes) -> None:
    """
    A body that is not shown whole says so.
    """
    assert not revealed_body(body).is_whole


def test_a_usual_body_is_shown_whole() -> None:
    """
    A hundred readings with intervals: every value is there, and nothing says that it was shortened.
    """
    readings = [{"userId": f"u-{number}", "rmssd": 41.5, "note": "ä\u202e"} for number in range(100)]
    shown = revealed_body(json.dumps({"readings": readings}).encode())

    assert (json.loads(shown.text), shown.is_whole) == ({"readings": readings}, True)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_body_to_edit_is_whole_and_not_much_larger(body: bytes) -> None:
    """
    The editor gets everything, indented only where that does not multiply its size.
    """
    assert len(pretty_body(body)) <= 8 * len(body) + MOST


def test_a_long_line_says_how_much_is_missing() -> None:
    """
    Headers and errors are shortened to a line.
    """
    assert (short("x" * 1000), short("x" * 1003)) == ("x" * 1000, "x" * 1000 + "... <3 more characters>")


@pytest.mark.parametrize(
    "reading",
    [
        {"raw": {"hiv": True, "notes": {"pregnant": 1}}},
        {"raw": [{"hiv": True}]},
        {"readings": [{"rmssd": 41.5, "raw": {"hiv": "x"}}] * 3},
        {"readings": [{"deep": {"raw": {"hiv": {"raw": 1}}}}]},
    ],
)
def test_names_of_fields_inside_raw_are_masked_like_values(reading: Any) -> None:
    """
    What a sender puts under raw is shown as a number of members, wherever it stands; it is revealed as a whole.
    """
    body = json.dumps(reading).encode()

    assert ("hiv" in masked_body(body), "members>" in masked_body(body)) == (False, True)
    assert "hiv" in revealed_text(body)
    assert "hiv" not in json.dumps(masked(reading.get("raw"), "raw"))
