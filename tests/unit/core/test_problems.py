"""Locating what is wrong with a reading: bounded, quick, and without repeating what the sender wrote."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.reading import Problem, Reading, encode_messages
from athlete_ally.measurements import KINDS, MEASUREMENTS
from athlete_ally.measurements.hrv import HRV

GOOD: dict[str, Any] = {"userId": "a", "date": "2026-11-20", "rmssd": 42, "capturedAt": "2026-11-20T06:41:00+01:00"}
PRIVATE = "told my doctor's nurse"


def problems_of(*items: bytes) -> list[Problem]:
    """Return the problems of these HRV readings."""
    return HRV.decoder.decode_all([msgspec.Raw(item) for item in items])[1]


@pytest.mark.parametrize("value", [PRIVATE, "o'neil", 'with "quotes"', "'", "line\nbreak", "naïve"])
def test_a_wrong_choice_is_not_repeated(value: str) -> None:
    """
    What was sent instead of a context is health data: the problem says that it is wrong, and not what it was.
    """
    item = msgspec.json.encode({**GOOD, "context": value})

    assert [Problem(0, "context", "Invalid enum value '...'")] == problems_of(item)


def test_bytes_that_are_not_utf_8_are_not_repeated() -> None:
    """
    A text that is not UTF-8 is said to be so, without its bytes.
    """
    item = json.dumps({**GOOD, "userId": "?"}).encode().replace(b"?", b"\xff72kg")

    assert [each.message for each in problems_of(item)] == ["not UTF-8"]


def test_names_without_end_are_told_in_part() -> None:
    """
    One reading with 5,000 invented fields has 100 problems; a name of a megabyte is cut to 64 characters.
    """
    many = problems_of(msgspec.json.encode({**GOOD, **{f"k{number}": 1 for number in range(5000)}}))
    (long,) = problems_of(msgspec.json.encode({**GOOD, "x" * 2**20: 1}))

    assert (len(many), len(long.field)) == (100, 64)


def test_hints_end_and_problems_do_not() -> None:
    """
    Of 300 readings with one typing error each, every one has its problem, and the first 100 say what was meant.
    """
    found = problems_of(*[msgspec.json.encode({**GOOD, "rmsssd": 1})] * 300)

    assert list(range(300)) == [each.index for each in found]
    assert ["did you mean 'rmssd'?" in each.message for each in found] == [True] * 100 + [False] * 200


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (b"[" * 100_000, "not a JSON object"),
        (b'{"raw":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not a JSON object"),
        (b'{"userId":"\\ud800"}', "not a JSON object"),
        (b"nul", "not a JSON object"),
        (b"[]", "got `array`"),
        (b'"text"', "got `str`"),
    ],
    ids=["deep", "deep inside", "lone surrogate", "cut", "array", "text"],
)
def test_what_is_no_object_has_one_problem(item: bytes, words: str) -> None:
    """
    A reading that is not even a JSON object is located as a whole.
    """
    (problem,) = problems_of(item)

    assert ((problem.index, problem.field), words in problem.message) == ((0, ""), True), problem


@pytest.mark.parametrize(
    "number", ["9" * 400, "1e400", "-1e400", "NaN", "Infinity", "true", '"42"', "[42]", "0", "-0.0"]
)
def test_what_is_no_quantity_is_refused(number: str) -> None:
    """
    Only a finite number above zero is an rMSSD, however it is spelt.
    """
    item = json.dumps(GOOD).replace("42", number).encode()

    assert len(problems_of(item)) == 1


def test_of_a_repeated_key_the_last_counts() -> None:
    """
    JSON leaves open what a key that comes twice means; to us it means its last value, always.
    """
    twice = json.dumps(GOOD).replace('"userId": "a"', '"userId": "a", "userId": "b"').encode()
    good, problems = HRV.decoder.decode_all([msgspec.Raw(twice)])

    assert (good[0].user_id, problems) == ("b", [])


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=KINDS)
def test_the_examples_survive_a_message(measurement: Measurement) -> None:
    """
    A reading that was encoded into a message and decoded again is the same reading.
    """
    raw = [msgspec.Raw(msgspec.json.encode(example)) for example in measurement.examples]
    readings: list[Reading] = list(measurement.decoder.decode_all(raw)[0].values())
    ((body, count),) = encode_messages(readings, 100_000)
    again, problems = measurement.decoder.decode_message(body)

    assert (readings, [], len(readings)) == (list(again.values()), problems, count)


@given(st.text(min_size=1, max_size=200), st.text(max_size=40), st.floats(1e-3, 1e9))
def test_any_reading_survives_a_message(user: str, note: str, rmssd: float) -> None:
    """
    Whatever text and numbers a good reading holds, it comes out of a message as it went in, `raw` byte for byte.
    """
    item = msgspec.json.encode({**GOOD, "userId": user, "rmssd": rmssd, "raw": {"note": note}})
    good, problems = HRV.decoder.decode_all([msgspec.Raw(item)])
    if problems:
        assert [each.field for each in problems] == ["userId"]
        return
    ((body, _),) = encode_messages([good[0]], 100_000)
    (again,) = HRV.decoder.decode_message(body)[0].values()

    assert (good[0].user_id, good[0].rmssd, bytes(good[0].raw)) == (again.user_id, again.rmssd, bytes(again.raw))
