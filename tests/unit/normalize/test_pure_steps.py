"""Prepare, dead letters and announcements: pure steps between a delivery and its effects."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.broker.topology import MAX_BODY_BYTES, dead_letter_subject, raw_subject
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import Delivery
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.receipts import Rejected
from athlete_ally.measurements import HRV
from athlete_ally.normalize.announce import announcements
from athlete_ally.normalize.dead_letters import dead_letters
from athlete_ally.normalize.prepare import dead_lettered_whole, prepare

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {"userId": "a", "date": "2026-11-20", "rmssd": 42, "capturedAt": "2026-11-20T06:41:00+01:00"}
IMPOSSIBLE = {**GOOD, "rmssd": 900}
BROKEN = {**GOOD, "rmssd": "forty"}


def deliver(readings: list[Any] | bytes, extra: dict[str, str] | None = None, **changes: Any) -> Delivery:
    """Return a delivery of these readings, or of this very body."""
    body = readings if isinstance(readings, bytes) else json.dumps({"readings": readings}).encode()
    values: dict[str, Any] = {
        "stream": "AA_CORE_HOT",
        "sequence": 9,
        "subject": raw_subject("hrv"),
        "consumer": "normalize-hrv-durable",
        "body": body,
        "headers": {headers.MSG_ID: "m9", **(extra or {})},
        "attempt": 1,
        "stored_at": NOW,
        "token": None,
    }
    return Delivery(**{**values, **changes})


def test_one_bad_reading_takes_no_good_one_along() -> None:
    """
    Of four readings the good two become records; each bad one is rejected for its own reason, at its own place.
    """
    request = prepare(HRV, deliver([GOOD, BROKEN, {**GOOD, "userId": "b"}, IMPOSSIBLE]), Rules())

    assert (request.readings, [record.reading_index for record in request.records]) == (4, [0, 2])
    assert [(each.index, each.reason) for each in request.rejected] == [(1, "schema-invalid"), (3, "non-retryable")]


@pytest.mark.parametrize(
    ("declared", "readings"), [("3", 3), ("0", 1), ("-1", 1), ("many", 1), ("9" * 30, 1), ("٣", 1)]
)
def test_an_unreadable_message_counts_what_it_declares(declared: str, readings: int) -> None:
    """
    The ledger takes the number of readings from the header, and one where that is nonsense.
    """
    request = prepare(HRV, deliver(b"\xff not json", {headers.READINGS: declared}), Rules())

    assert (readings, readings, ()) == (request.readings, len(request.rejected), request.records)


def test_a_replayed_letter_keeps_its_place_in_the_order() -> None:
    """
    A replay carries its first sequence: it does not become newer, and can't overwrite what came since.
    """
    replayed = deliver([GOOD], {headers.ORIGINAL_SEQUENCE: "4"}, sequence=900)

    assert ((request := prepare(HRV, replayed, Rules())).records[0].stream_sequence, request.sequence) == (4, 900)


def test_received_at_is_what_ingest_says_if_that_is_an_instant() -> None:
    """
    `ce-time` counts where it is valid and has an offset; otherwise the stream's own time does.
    """
    stated = [
        prepare(HRV, deliver([GOOD], {headers.CE_TIME: text}), Rules()).received_at
        for text in ("2026-11-20T10:00:00+00:00", "2026-11-20T10:00:00", "yesterday", "")
    ]

    assert [NOW.replace(hour=10), NOW, NOW, NOW] == stated


def test_a_partial_letter_holds_exactly_the_failing_readings() -> None:
    """
    One letter for each reason, with the failing readings byte for byte, their indexes, and where they came from.
    """
    delivery = deliver([GOOD, BROKEN, IMPOSSIBLE, BROKEN])
    request = prepare(HRV, delivery, Rules())
    impossible, broken = dead_letters("hrv", delivery, request, request.rejected, at=NOW)

    assert json.loads(broken.body) == {"readings": [BROKEN, BROKEN]}
    assert json.loads(impossible.body) == {"readings": [IMPOSSIBLE]}
    assert (broken.headers[headers.READING_INDEXES], impossible.headers[headers.READING_INDEXES]) == ("1,3", "2")
    assert dead_letter_subject("hrv", "schema-invalid") == broken.subject
    assert tuple(
        broken.headers[name]
        for name in (
            headers.ORIGINAL_STREAM,
            headers.ORIGINAL_SEQUENCE,
            headers.ORIGINAL_MSG_ID,
            headers.ORIGINAL_CONSUMER,
        )
    ) == ("AA_CORE_HOT", "9", "m9", "normalize-hrv-durable")


def test_a_whole_letter_is_the_original() -> None:
    """
    A message of which nothing is of use is copied as it was, and has no indexes.
    """
    delivery = deliver(b"\xff not json", {headers.READINGS: "2", "traceparent": "00-aa"})
    request = prepare(HRV, delivery, Rules())
    (letter,) = dead_letters("hrv", delivery, request, request.rejected, at=NOW)

    assert (delivery.body, "2", "00-aa") == (
        letter.body,
        letter.headers[headers.READINGS],
        letter.headers["traceparent"],
    )
    assert headers.READING_INDEXES not in letter.headers


def test_a_letter_made_again_is_the_same_message() -> None:
    """
    Its id does not depend on when or how often it is made, so that the stream recognises the second one.
    """
    delivery = deliver([IMPOSSIBLE])
    request = prepare(HRV, delivery, Rules())
    first, again = (
        dead_letters("hrv", delivery, request, request.rejected, at=NOW.replace(hour=hour))[0] for hour in (12, 13)
    )

    assert first.message_id == again.message_id != delivery.headers[headers.MSG_ID]


@given(
    st.lists(st.tuples(st.text(max_size=60), st.text(max_size=300)), min_size=1, max_size=40),
    st.dictionaries(st.text(), st.text()),
)
def test_the_headers_of_a_letter_are_safe(errors: list[tuple[str, str]], fields: dict[str, str]) -> None:
    """
    Whatever a sender put into field names: printable ASCII on one line, under 16 KiB, and no control header copied.
    """
    rejected = [Rejected(index, "schema-invalid", f"{field}: {text}") for index, (field, text) in enumerate(errors)]
    delivery = deliver([fields] * (len(errors) + 1), {"Nats-Rollup": "all", "Nats-Expected-Last-Sequence": "1"})
    request = prepare(HRV, delivery, Rules())
    (letter,) = dead_letters("hrv", delivery, request, rejected, at=NOW)

    assert all(" " <= character <= "~" for value in letter.headers.values() for character in value)
    assert sum(len(name) + len(value) + 4 for name, value in letter.headers.items()) < 16 * 1024
    assert [name for name in letter.headers if name.lower().startswith("nats-")] == []


def test_an_error_in_a_letter_quotes_no_value() -> None:
    """
    What the sender wrote into a field is health data: it stays in the body.
    """
    delivery = deliver([{**GOOD, "context": "with my doctor"}])
    request = prepare(HRV, delivery, Rules())
    (letter,) = dead_letters("hrv", delivery, request, request.rejected, at=NOW)

    assert letter.headers[headers.DLQ_ERROR] == "context: Invalid enum value '...'"


def test_failures_of_one_sort_share_a_fingerprint() -> None:
    """
    Two beats too long at different places are one sort of failure; an impossible rMSSD is another.
    """

    def of(reading: dict[str, Any]) -> str:
        delivery = deliver([reading])
        request = prepare(HRV, delivery, Rules())
        return dead_letters("hrv", delivery, request, request.rejected, at=NOW)[0].headers[headers.DLQ_FINGERPRINT]

    first, second = of({**GOOD, "rrIntervals": [20000, 800]}), of({**GOOD, "rrIntervals": [800, 800, 20000]})
    assert (first == second, first == of(IMPOSSIBLE)) == (True, False)


def test_announcements_tell_every_stored_record_once() -> None:
    """
    However many records: split below the limit, none lost, none twice, without their bulky columns, with stable ids.
    """
    readings = [{**GOOD, "userId": f"{number:04}" + "x" * 100, "raw": {"a": 1}} for number in range(3000)]
    delivery = deliver(readings)
    request = prepare(HRV, delivery, Rules())
    messages = announcements(HRV, delivery, request, request.records, at=NOW)
    told = [record for message in messages for record in json.loads(message.body)["records"]]

    assert [record.user_id for record in request.records] == [record["user_id"] for record in told]
    assert (len(messages) > 1, all(len(message.body) <= MAX_BODY_BYTES for message in messages)) == (True, True)
    assert set() == set(told[0]) & {"raw", "rr_intervals_ms"}
    assert [message.message_id for message in messages] == [
        message.message_id
        for message in announcements(HRV, delivery, request, request.records, at=NOW.replace(hour=13))
    ]


def test_nothing_stored_is_nothing_to_tell() -> None:
    """
    A message whose records were all superseded announces nothing.
    """
    delivery = deliver([GOOD])

    assert announcements(HRV, delivery, dead_lettered_whole(delivery, "max-deliver", "killed"), [], at=NOW) == []
