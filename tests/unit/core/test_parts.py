"""A body that no message can hold: its parts are bodies like it, and the whole is proven from them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages.parts import NotSplittable, joined, part_headers, proven, split

LIMIT = 400
Any_ = st.SearchStrategy[Any]
values = st.one_of(st.integers(), st.text(max_size=12), st.none())
fields: Any_ = st.dictionaries(st.text(max_size=6), values, max_size=3)
samples: Any_ = st.lists(fields, max_size=40)
items: Any_ = st.tuples(fields, samples).map(lambda both: {**both[0], "samples": both[1]})
bodies: Any_ = st.dictionaries(st.sampled_from(["dailies", "activityDetails", "sleeps"]), st.lists(items, max_size=6))
spaces = st.sampled_from([None, 1])


def encoded(payload: Any, indent: int | None) -> bytes:
    """Return JSON as somebody writes it."""
    return json.dumps(payload, indent=indent, ensure_ascii=False).encode()


@given(payload=bodies, indent=spaces)
def test_the_whole_is_proven_from_its_parts(payload: dict[str, Any], indent: int | None) -> None:
    """
    Whatever is split fits, and gives the very bytes back, in whichever order its parts are found.
    """
    body = encoded(payload, indent)
    try:
        parts = split(body, LIMIT)
    except NotSplittable:
        return
    messages = [(part.body, stated) for part, stated in zip(parts, part_headers(parts, body), strict=True)]

    assert all(len(part.body) <= LIMIT for part in parts)
    assert (body, body) == (joined(parts), proven(reversed(messages)))


@given(payload=bodies, indent=spaces)
def test_the_parts_hold_all_items_once(payload: dict[str, Any], indent: int | None) -> None:
    """
    Each part is a body like the whole; the samples of an item that was split are shared out, in their order.
    """
    try:
        parts = [json.loads(part.body) for part in split(encoded(payload, indent), LIMIT)]
    except NotSplittable:
        return
    expected = [(name, each["samples"]) for name, listed in payload.items() for each in listed]
    found = [(name, each["samples"]) for part in parts for name, listed in part.items() for each in listed]

    assert [sample for _, inner in expected for sample in inner] == [sample for _, inner in found for sample in inner]


@pytest.mark.parametrize(
    "body",
    [b"", b"[1]", b"nothing", b'{"a": "' + b"x" * 500 + b'"}', b'{"a": [{"b": "' + b"x" * 500 + b'"}]}', b"{}"],
    ids=["empty", "a list", "no JSON", "no list", "an item without a list", "no member"],
)
def test_what_has_to_stay_together_is_refused(body: bytes) -> None:
    """
    What is no object of lists, or has an item that can't be split, has no parts.
    """
    with pytest.raises(NotSplittable):
        split(body, LIMIT)


def test_parts_that_are_not_all_of_one_whole_prove_nothing() -> None:
    """
    A part that is missing, of another whole, changed, or no part at all.
    """
    body = encoded({"dailies": [{"userId": "g-1", "steps": steps} for steps in range(60)]}, None)
    parts = split(body, LIMIT)
    good = [(part.body, stated) for part, stated in zip(parts, part_headers(parts, body), strict=True)]
    changed = [(good[0][0].replace(b'"steps": 0', b'"steps": 9'), good[0][1]), *good[1:]]

    nothing: list[tuple[bytes, dict[str, str]]] = []
    for bad in (good[1:], [*good[:-1], good[0]], changed, [*good, (b"{}", dict[str, str]())], nothing):
        with pytest.raises(InvalidMessage):
            proven(bad)
