"""Accepting readings: all or nothing, acknowledged before it returns, the same again at any time."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from support.fakes import FakeObserver, FakePublisher

from athlete_ally.core.broker import topology
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.messages.sender import UNKNOWN
from athlete_ally.core.series import every, ingest_series
from athlete_ally.ingest.accept import Accepted, Acceptor
from athlete_ally.ingest.refusal import Refusal
from athlete_ally.measurements import KINDS
from athlete_ally.measurements.hrv import HRV

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {"userId": "a", "date": "2026-11-20", "rmssd": 42, "capturedAt": "2026-11-20T06:41:00+01:00"}
SERIES = ingest_series(KINDS)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Ingest:
    """An acceptor over fakes."""

    def __init__(self, max_readings: int = 10_000) -> None:
        """Start with empty streams."""
        self.publisher = FakePublisher()
        self.observer = FakeObserver(list(every(SERIES)))
        self._acceptor = Acceptor(
            self.publisher, observer=self.observer, series=SERIES, now=lambda: NOW, max_readings=max_readings
        )

    async def accept(self, *readings: Any, traceparent: str | None = None) -> Accepted:
        """Accept these HRV readings."""
        items = [msgspec.Raw(msgspec.json.encode(reading)) for reading in readings]
        return await self._acceptor.accept(HRV, items, traceparent=traceparent)

    async def accept_from(self, sender: str) -> OutgoingMessage:
        """Accept a reading of this sender; return its message."""
        items = [msgspec.Raw(msgspec.json.encode(GOOD))]
        await self._acceptor.accept(HRV, items, traceparent=None, sender=sender)
        return self.publisher.published[-1]

    async def refuse(self, *readings: Any) -> Refusal:
        """Return the refusal that these readings get."""
        with pytest.raises(Refusal) as refused:
            await self.accept(*readings)
        return refused.value


async def test_what_is_accepted_is_in_the_stream() -> None:
    """
    One message on the kind's subject, with its content's id, the attributes of CloudEvents and the number of readings.
    """
    ingest = Ingest()
    accepted = await ingest.accept(GOOD, {**GOOD, "userId": "b"}, traceparent=TRACEPARENT)
    (message,) = ingest.publisher.published

    assert Accepted(message.message_id, 2, duplicate=False, parts=(message.message_id,)) == accepted
    assert (topology.CORE_HOT, topology.raw_subject("hrv")) == (message.stream, message.subject)
    assert {
        headers.CE_SPECVERSION: "1.0",
        headers.CE_ID: message.message_id,
        headers.CE_TYPE: message.subject,
        headers.CE_SOURCE: "/athlete-ally/ingest",
        headers.CE_TIME: "2026-11-20T12:00:00.000+00:00",
        headers.CONTENT_TYPE: "application/json",
        headers.READINGS: "2",
        headers.TRACEPARENT: TRACEPARENT,
    } == message.headers


async def test_a_message_names_its_sender() -> None:
    """
    The key's name travels with the readings; where nobody is known, no header says so. The id is the content's alone.
    """
    named, unnamed = await Ingest().accept_from("key:backend"), await Ingest().accept_from(UNKNOWN)

    assert named.headers == {**unnamed.headers, headers.SENDER: "key:backend"}
    assert (named.message_id, False) == (unnamed.message_id, headers.SENDER in unnamed.headers)


async def test_the_same_again_is_a_duplicate() -> None:
    """
    Key order and spelt-out defaults don't matter: the id is the same, nothing is stored twice, and it is counted so.
    """
    ingest = Ingest()
    first = await ingest.accept(GOOD)
    again = await ingest.accept({**dict(reversed(GOOD.items())), "context": "unspecified", "source": "client"})

    assert ((first.id, False), (first.id, True)) == ((first.id, first.duplicate), (again.id, again.duplicate))
    assert len(ingest.publisher.published) == 1
    counted = [ingest.observer.value(series, "hrv") for series in (SERIES.accepted, SERIES.duplicates)]
    assert counted == [1, 1]


async def test_a_large_batch_is_several_messages_and_one_answer() -> None:
    """
    Every part respects the stream's limit, all readings are there in order, and the whole has an id of its own.
    """
    ingest = Ingest()
    readings = [{**GOOD, "userId": f"u{number}", "raw": "x" * 3000} for number in range(800)]
    accepted = await ingest.accept(*readings)
    published = ingest.publisher.published
    users = [each.user_id for part in published for each in HRV.decoder.decode_message(part.body)[0].values()]

    assert ([f"u{number}" for number in range(800)], 800) == (users, accepted.readings)
    assert tuple(part.message_id for part in published) == accepted.parts
    assert (len(published) > 1, accepted.id not in accepted.parts) == (True, True)
    assert max(len(part.body) for part in published) <= topology.MAX_BODY_BYTES


async def test_a_retry_after_half_a_batch_completes_it() -> None:
    """
    The stream held the first part already: sending the same again stores the rest, once, and is no duplicate.
    """
    ingest = Ingest()
    readings = [{**GOOD, "userId": f"u{number}", "raw": "x" * 3000} for number in range(800)]
    await ingest.accept(*readings)
    whole = list(ingest.publisher.published)
    late = Ingest()
    await late.publisher.publish(whole[0])
    accepted = await late.accept(*readings)

    assert (False, [part.message_id for part in whole]) == (
        accepted.duplicate,
        [part.message_id for part in late.publisher.published],
    )


async def test_one_invalid_reading_refuses_all() -> None:
    """
    422 with the place and field of every problem, and nothing was published, not even tried.
    """
    ingest = Ingest()
    refusal = await ingest.refuse(GOOD, {**GOOD, "rmssd": "x"}, {**GOOD, "userId": 7, "date": "no"})

    assert refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert sorted((each.index, each.field) for each in refusal.errors) == [(1, "rmssd"), (2, "date"), (2, "userId")]
    assert refusal.detail.startswith("2 of 3 readings are invalid")
    assert ingest.publisher.tried == []


async def test_nothing_and_too_much_are_refused() -> None:
    """
    No reading is 422, one more than the limit is 413; the limit itself is taken.
    """
    ingest = Ingest(max_readings=2)

    assert (await ingest.refuse()).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await ingest.refuse(GOOD, GOOD, GOOD)).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert (await ingest.accept(GOOD, GOOD)).readings == 2


async def test_a_reading_that_fits_no_message_is_refused() -> None:
    """
    413 before anything is sent; no broker would take it.
    """
    ingest = Ingest()
    refusal = await ingest.refuse({**GOOD, "raw": "x" * topology.MAX_BODY_BYTES})

    assert (refusal.status, ingest.publisher.tried) == (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [])


async def test_a_stream_with_a_smaller_limit_is_heard() -> None:
    """
    Where an operator chose a smaller `max_msg_size`, its refusal is 413 too.
    """
    ingest = Ingest()
    ingest.publisher.limits[topology.CORE_HOT] = 400

    assert (await ingest.refuse({**GOOD, "raw": "x" * 400})).status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("problem", ["unavailable", "full"])
async def test_without_an_acknowledgement_there_is_no_2xx(problem: str) -> None:
    """
    A broker that is away or full is 503 with Retry-After, and not counted as accepted; afterwards the same is taken.
    """
    ingest = Ingest()
    ingest.publisher.unavailable = problem == "unavailable"
    ingest.publisher.full = {topology.CORE_HOT} if problem == "full" else set()
    refusal = await ingest.refuse(GOOD)

    assert (refusal.status, refusal.retry_after_s) == (HTTPStatus.SERVICE_UNAVAILABLE, 5)
    assert refusal.cause == {"full": "stream-full"}.get(problem, "broker")
    assert ingest.observer.value(SERIES.accepted, "hrv") == 0

    ingest.publisher.unavailable, ingest.publisher.full = False, set()
    assert not (await ingest.accept(GOOD)).duplicate


@pytest.mark.parametrize(
    "traceparent", ["", "x", TRACEPARENT + "0", TRACEPARENT.upper(), TRACEPARENT + "\n", "\u0660" + TRACEPARENT[1:]]
)
async def test_a_wrong_trace_is_left_out(traceparent: str) -> None:
    """
    What is no traceparent never becomes a header of ours, and costs nobody a reading.
    """
    ingest = Ingest()
    await ingest.accept(GOOD, traceparent=traceparent)

    assert headers.TRACEPARENT not in ingest.publisher.published[0].headers
