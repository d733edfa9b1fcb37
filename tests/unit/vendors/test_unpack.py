"""Unpacking: every sample of a payload or of a fetched document holds the readings beside it; nothing crashes it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vendor_samples import KINDS, NOON, Everybody, body_of, held, opened, samples, samples_of
from support.webhooks import BY_NAME

from athlete_ally.core.broker.topology import CORE_HOT, VENDOR_HOT, normalize_durable, unpack_durable, webhook_subject
from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.normalize.prepare import prepare
from athlete_ally.normalize.unpack import sort_out, webhook_letters


@pytest.mark.parametrize(("vendor", "sample"), samples())
def test_a_payload_holds_what_its_sample_says(vendor: str, sample: dict[str, Any]) -> None:
    """
    Readings of kinds with their units, people and contexts; resources; people who withdrew; what can't be used.
    """
    unpacked = opened(vendor, sample, body_of(sample["payload"]))

    assert sample["holds"] == held(unpacked)


@pytest.mark.parametrize(("vendor", "sample"), samples())
def test_what_it_finds_are_valid_readings(vendor: str, sample: dict[str, Any]) -> None:
    """
    Each reading has the shape of its kind, and a kind that the vendor is documented to give.
    """
    for found in opened(vendor, sample, body_of(sample["payload"])).found:
        document = msgspec.Raw(msgspec.json.encode({**found.fields, "userId": "a"}))
        _, problems = KINDS[found.kind].decoder.decode_all([document])
        assert problems == []
        assert vendor == "clinic" or found.kind in BY_NAME[vendor].kinds


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)


def replaced(payload: Any, data: st.DataObject) -> Any:
    """Return a payload with one of its parts, however deep, replaced by anything."""
    if isinstance(payload, dict) and payload and data.draw(st.booleans()):
        parts: dict[str, Any] = dict(payload)  # pyright: ignore[reportUnknownArgumentType]  # any JSON
        name = data.draw(st.sampled_from(sorted(parts)))
        return {**parts, name: replaced(parts[name], data)}
    if isinstance(payload, list) and payload and data.draw(st.booleans()):
        items: list[Any] = list(payload)  # pyright: ignore[reportUnknownArgumentType]  # any JSON
        return [replaced(items[0], data), *items[1:]]
    return data.draw(JSON)


@pytest.mark.parametrize("vendor", BY_NAME)
@settings(max_examples=50)
@given(data=st.data())
def test_no_payload_crashes_it(vendor: str, data: st.DataObject) -> None:
    """
    Any part of any sample replaced by anything: it is unpacked, or `InvalidMessage`, and so it goes on to the record.
    """
    sample = data.draw(st.sampled_from(samples_of(vendor)))
    go_all_the_way(vendor, sample, body_of(replaced(sample["payload"], data)))


@pytest.mark.parametrize("vendor", BY_NAME)
@settings(max_examples=30)
@given(data=st.data(), body=st.binary(max_size=60))
def test_no_bytes_crash_it(vendor: str, data: st.DataObject, body: bytes) -> None:
    """
    Any bytes at all: unpacked, or `InvalidMessage`.
    """
    go_all_the_way(vendor, data.draw(st.sampled_from(samples_of(vendor))), body)


def go_all_the_way(vendor: str, sample: dict[str, Any], body: bytes) -> None:
    """Unpack, and do all that follows short of the database; whatever is wrong has to end as a letter."""
    try:
        unpacked = opened(vendor, sample, body)
    except InvalidMessage:
        return
    webhook = Delivery(VENDOR_HOT, 1, webhook_subject(vendor), unpack_durable(vendor), body, {}, 1, NOON, None)
    parcel = sort_out(unpacked, Everybody(), KINDS, webhook, NOON)
    for message in parcel.messages:
        kind = message.subject.split(".")[1]
        request = prepare(
            KINDS[kind],
            Delivery(CORE_HOT, 1, message.subject, normalize_durable(kind), message.body, {}, 1, NOON, None),
            Rules(),
        )
        assert request.readings == len(request.records) + len(request.rejected) + len(request.removals)
    webhook_letters(vendor, webhook, "w1", parcel.failed, at=NOON)
