"""From bytes to readings: whatever arrives, it is decoded or located, and never raises anything else."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.reading import encode_messages, pick_readings, split_message
from athlete_ally.measurements import HRV, KINDS, MEASUREMENTS

GOOD: dict[str, Any] = {"userId": "a", "date": "2026-11-20", "rmssd": 42, "capturedAt": "2026-11-20T06:41:00+01:00"}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(list(GOOD)), inner, max_size=5)
    ),
    max_leaves=12,
)
hostile = st.binary(max_size=200) | anything.map(lambda value: json.dumps({"readings": value}).encode())
nearly_good = st.dictionaries(st.sampled_from([*GOOD, "raw", "start", "end", "sdnn"]), anything).map(
    lambda wrong: {**GOOD, **wrong}
)


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=KINDS)
@given(body=hostile)
def test_no_body_breaks_the_decoder(measurement: Measurement, body: bytes) -> None:
    """
    Any bytes are either decoded, with each reading good or located, or refused as an invalid message.
    """
    try:
        good, problems = measurement.decoder.decode_message(body)
    except InvalidMessage:
        return

    assert set(range(len(split_message(body)))) == set(good) | {problem.index for problem in problems}
    assert set() == set(good) & {problem.index for problem in problems}


@given(st.lists(nearly_good, max_size=4))
def test_every_reading_is_good_or_located(readings: list[dict[str, Any]]) -> None:
    """
    Readings that are almost right are decoded or located one by one; none hides another.
    """
    body = json.dumps({"readings": readings}).encode()
    good, problems = HRV.decoder.decode_message(body)

    assert set(range(len(readings))) == set(good) | {problem.index for problem in problems}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"readings": 1}', b"\xff\xfe", b"[" * 100_000, b'{"readings":' + b"[" * 5000, b'"\\ud800"'],
    ids=["empty", "cut", "array", "no list", "not UTF-8", "deep", "deep inside", "surrogate"],
)
def test_what_is_no_message_is_said_to_be_none(body: bytes) -> None:
    """
    A body without a list of readings raises InvalidMessage, and its text holds nothing of the body.
    """
    with pytest.raises(InvalidMessage, match="readings"):
        HRV.decoder.decode_message(body)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"rmsssd": 1}, "rmsssd", "did you mean 'rmssd'"),
        ({"rmssd": "forty"}, "rmssd", "Expected `float | null`, got `str`"),
        ({"rmssd": -1}, "rmssd", "> 0"),
        ({"date": "2026-02-30"}, "date", "Invalid RFC3339"),
        ({"capturedAt": "2026-11-20T06:41:00"}, "capturedAt", "timezone"),
        ({"userId": ""}, "userId", "length >= 1"),
        ({"userId": "a\x00b"}, "userId", "matching regex"),
        ({"userId": "a\n"}, "userId", "matching regex"),
        ({"date": None}, "date", "needed: the person's local day"),
        ({"rmssd": None}, "rmssd", "at least one of rmssd, sdnn and rrIntervals"),
        ({"start": "2026-11-20T01:00:00Z"}, "end", "both start and end"),
        ({"start": "2026-11-20T01:00:00Z", "end": "2026-11-20T00:00:00Z"}, "end", "later than start"),
        ({"context": "asleep"}, "context", "Invalid enum value"),
        ({"rrIntervals": [800]}, "rrIntervals", "length >= 2"),
    ],
)
def test_a_problem_names_the_field_and_the_wish(change: dict[str, Any], field: str, words: str) -> None:
    """
    One wrong field gives one problem, located at that field, saying what was expected.
    """
    _, problems = HRV.decoder.decode_all([msgspec.Raw(json.dumps({**GOOD, **change}).encode())])

    assert [(0, field, True)] == [(each.index, each.field, words in each.message) for each in problems], problems


def test_all_problems_of_a_reading_are_told_at_once() -> None:
    """
    A sender with three mistakes hears of three, not of the first.
    """
    item = {"userId": 7, "date": "x", "rmssd": 42, "extra": 1}
    _, problems = HRV.decoder.decode_all([msgspec.Raw(json.dumps(item).encode())])

    assert {"userId", "date", "extra", "capturedAt"} == {problem.field for problem in problems}


@given(st.permutations(list(GOOD)), st.sampled_from([None, 1, 4]))
def test_equal_content_has_one_id(order: list[str], indent: int | None) -> None:
    """
    Neither the order of fields nor white space nor a default spelt out changes a message's body and id.
    """
    shuffled = json.dumps({**{name: GOOD[name] for name in order}, "context": "unspecified"}, indent=indent)
    ((body, _),) = encode_messages(_decode(shuffled.encode()), 10_000)
    ((expected, _),) = encode_messages(_decode(json.dumps(GOOD).encode()), 10_000)

    assert message_id("s", expected) == message_id("s", body)
    assert message_id("s", expected) != message_id("other", body)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.integers(150, 2000))
def test_splitting_loses_nothing(lengths: list[int], limit: int) -> None:
    """
    Bodies respect the limit unless a single reading passes it; together they hold every reading, in order.
    """
    readings = [
        _decode(json.dumps({**GOOD, "userId": f"u{number}", "raw": "x" * length}).encode())[0]
        for number, length in enumerate(lengths)
    ]
    bodies = encode_messages(readings, limit)
    again = [reading for body, _ in bodies for reading in HRV.decoder.decode_message(body)[0].values()]

    assert [reading.user_id for reading in readings] == [reading.user_id for reading in again]
    assert [len(split_message(body)) for body, _ in bodies] == [count for _, count in bodies]
    assert all(len(body) <= limit or count == 1 for body, count in bodies)


def test_picked_readings_are_byte_for_byte_as_they_were() -> None:
    """
    A dead letter's readings keep their own spelling, white space and numbers included.
    """
    body = b'{"readings": [{"a": 1.50},  {"b":  2e3}, {"c": "\\u00e9"}]}'

    assert pick_readings(body, [0, 2]) == b'{"readings":[{"a": 1.50},{"c": "\\u00e9"}]}'


def _decode(item: bytes) -> list[Any]:
    good, problems = HRV.decoder.decode_all([msgspec.Raw(item)])
    assert problems == []
    return list(good.values())
