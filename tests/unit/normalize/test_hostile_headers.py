"""Headers that somebody else wrote: they may say anything, and must neither stop the worker nor reach the database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.broker import topology
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.receipts import StoreRequest
from athlete_ally.measurements.hrv import HRV
from athlete_ally.normalize.announce import announcements
from athlete_ally.normalize.dead_letters import dead_letters
from athlete_ally.normalize.prepare import identity_of, prepare

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {"userId": "a", "date": "2026-11-20", "rmssd": 42, "capturedAt": "2026-11-20T06:41:00+01:00"}
OURS = (
    *(headers.MSG_ID, headers.CE_TIME, headers.READINGS, headers.ORIGINAL_SEQUENCE, headers.TRACEPARENT),
    *(headers.CONTENT_TYPE, headers.DLQ_REASON, "Nats-Rollup", "Nats-Expected-Stream"),
)
instants = st.datetimes().map(datetime.isoformat)
values = (
    st.text(st.characters(codec="utf-8"), max_size=80)
    | st.integers().map(str)
    | st.sampled_from(["9" * 19, "9" * 5000, "x" * 100_000, "\x00", "0001-01-01T00:00:00+14:00"])
    | st.builds("{}{}".format, instants, st.sampled_from(["Z", "+14:00", "-23:59", ""]))
)
hostile = st.dictionaries(
    st.sampled_from(OURS) | st.text(st.characters(codec="ascii"), max_size=20), values, max_size=9
)
bodies = st.sampled_from([b"", b"not json", b'{"readings":[]}', b'{"readings":[1,{}]}'])


def deliver(body: bytes | dict[str, Any], stated: dict[str, str]) -> Delivery:
    """Return a delivery of this body or reading, with these headers."""
    return Delivery(
        stream=topology.CORE_HOT,
        sequence=9,
        subject=topology.raw_subject("hrv"),
        consumer="normalize-hrv-durable",
        body=body if isinstance(body, bytes) else msgspec.json.encode({"readings": [body]}),
        headers=stated,
        attempt=1,
        stored_at=NOW,
        token=None,
    )


def settle(delivery: Delivery) -> tuple[StoreRequest, list[OutgoingMessage]]:
    """Return what a delivery wants to store, and all messages that follow from it."""
    request = prepare(HRV, delivery, Rules())
    letters = dead_letters("hrv", delivery, request, request.rejected, at=NOW)
    return request, [*letters, *announcements(HRV, delivery, request, request.records, at=NOW)]


@given(bodies | st.just(GOOD), hostile)
def test_no_header_stops_the_worker(body: bytes | dict[str, Any], stated: dict[str, str]) -> None:
    """
    Whatever the headers say: a lot with times, numbers and an id that the database takes, and messages that any broker
    takes.
    """
    request, messages = settle(deliver(body, stated))

    assert NOW - timedelta(days=36_500) < request.received_at <= NOW + timedelta(days=1)
    assert request.received_at.astimezone(UTC)
    assert all(0 <= record.stream_sequence < 2**63 for record in request.records)
    assert (len(request.message_id) <= 256, request.message_id.isascii() and request.message_id.isprintable()) == (
        True,
        True,
    )
    for message in messages:
        pairs = message.headers.items()
        assert sum(len(name) + len(value) + 4 for name, value in pairs) + len(message.message_id) < 16 * 1024
        assert all(name and not name.lower().startswith("nats-") for name in message.headers)


@pytest.mark.parametrize("stated", ["", "x" * 257, "a\x00b", "two words", "naïve", "tab\t", "line\n"])
def test_an_id_that_cannot_be_kept_is_replaced_by_that_of_the_content(stated: str) -> None:
    """
    Too long for an index, not printable or not ASCII: the content's own id is the same in every delivery.
    """
    delivery = deliver(GOOD, {headers.MSG_ID: stated})

    assert message_id(delivery.subject, delivery.body) == identity_of(delivery)


@pytest.mark.parametrize("stated", ["m9", "x" * 256, "vendor:delivery/7#1"])
def test_a_sound_id_is_kept(stated: str) -> None:
    """
    What a client or vendor chose is the message's id, up to 256 characters.
    """
    assert stated == identity_of(deliver(GOOD, {headers.MSG_ID: stated}))


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-11-20T11:59:58.123+00:00", NOW - timedelta(seconds=1.877)),
        ("2026-11-20T06:00:00-05:00", NOW - timedelta(hours=1)),
        ("2026-11-21T12:00:00+00:00", NOW + timedelta(hours=24)),
        ("2026-11-21T12:00:01+00:00", NOW),
        ("9999-12-31T23:59:59-14:00", NOW),
        ("0001-01-01T00:00:00+14:00", NOW),
        ("1999-12-31T00:00:00+00:00", NOW),
    ],
)
def test_a_time_of_receipt_is_believed_within_reason(stated: str, expected: datetime) -> None:
    """
    A clock may be a day ahead; beyond that, and before there were readings, the stream's own time counts.
    """
    request, _ = settle(deliver(GOOD, {headers.CE_TIME: stated}))

    assert (expected, 1) == (request.received_at, len(request.records))


@pytest.mark.parametrize(("stated", "readings"), [("20643", 20643), ("20644", 1), ("1032192", 1), ("9" * 5000, 1)])
def test_a_message_claims_no_more_readings_than_fit(stated: str, readings: int) -> None:
    """
    A false count would fill memory and database with rejections of readings that never were.
    """
    request, _ = settle(deliver(b"not json", {headers.READINGS: stated}))

    assert readings == request.readings


@pytest.mark.parametrize(
    ("stated", "sequence"), [("4", 4), ("9" * 18, 10**18 - 1), ("9" * 19, 9), ("9" * 5000, 9), ("-4", 9)]
)
def test_a_first_place_is_believed_if_it_is_one(stated: str, sequence: int) -> None:
    """
    A replay's original sequence counts where a database could hold it.
    """
    request, _ = settle(deliver(GOOD, {headers.ORIGINAL_SEQUENCE: stated}))

    assert sequence == request.records[0].stream_sequence


def test_a_letter_copies_only_what_can_be_sent_again() -> None:
    """
    Names that are no tokens, values that are not printable ASCII, and what passes 4 KiB stay behind.
    """
    stated = {
        "ce-source": "/vendor",
        "X(foo)": "refused by the client library",
        "": "no name",
        "x-name": "naïve",
        "x-line": "a\nb",
        "x-long": "v" * 5000,
        "AA-dlq-reason": "forged",
    }
    delivery = deliver(b"not json", stated)
    ((letter,), kept) = settle(delivery)[1], {"ce-source": "/vendor"}

    assert kept == {name: value for name, value in letter.headers.items() if not name.startswith("AA-")}
    assert letter.headers[headers.DLQ_REASON] == "schema-invalid"


def test_a_letter_of_many_readings_lists_whole_indexes() -> None:
    """
    Where the list of indexes is too long, it ends with whole numbers and a sign that there are more.
    """
    readings = [{**GOOD, "rmssd": 900}] * 2000 + [GOOD]
    delivery = deliver(msgspec.json.encode({"readings": readings}), {})
    listed = settle(delivery)[1][0].headers[headers.READING_INDEXES]
    *numbers, rest = listed.split(",")

    assert ("...", list(range(len(numbers)))) == (rest, [int(number) for number in numbers])
    assert 3900 < len(listed) <= 4004


def test_a_trace_that_is_none_is_not_handed_on() -> None:
    """
    A traceparent of a hundred kilobytes would make an announcement that no stream takes.
    """
    _, (told,) = settle(deliver(GOOD, {headers.TRACEPARENT: "x" * 100_000}))

    assert headers.TRACEPARENT not in told.headers


def test_a_rejection_holds_nothing_of_the_reading() -> None:
    """
    Rejections are kept in the database beside the ledger: what the sender chose wrongly is not among them.
    """
    request, _ = settle(deliver({**GOOD, "context": "told my doctor's nurse"}, {}))

    assert [each.error for each in request.rejected] == ["context: Invalid enum value '...'"]
