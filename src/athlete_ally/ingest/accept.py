"""The heart of ingest: readings in, an acknowledged message in the stream out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from athlete_ally.core.broker import topology
from athlete_ally.core.errors import MessageTooLarge, Misconfigured, Unavailable
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.messages.sender import UNKNOWN
from athlete_ally.core.messages.trace import handed_on, sampled_trace_id
from athlete_ally.core.ports import Now, Observer, Publisher
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.reading import Reading, encode_messages
from athlete_ally.core.series import IngestSeries
from athlete_ally.ingest.refusal import MAX_ERRORS, Refusal, cause_of

# The publish timeout has passed already; a client that waits a little finds a restarted broker.
_RETRY_AFTER_S = 5


Own = Callable[[Sequence[Reading]], list[Reading]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The stream holds all readings. `parts` are the ids of the messages; `duplicate`: it held them all before."""

    id: str
    readings: int
    duplicate: bool
    parts: tuple[str, ...]


class Acceptor:
    """Validates readings and publishes them."""

    def __init__(
        self, publisher: Publisher, *, observer: Observer, series: IngestSeries, now: Now, max_readings: int
    ) -> None:
        """Publish through `publisher`; refuse more than `max_readings` at once."""
        self._publisher = publisher
        self._observer = observer
        self._series = series
        self._now = now
        self._max_readings = max_readings

    async def accept(
        self,
        measurement: Measurement,
        items: Sequence[msgspec.Raw],
        *,
        traceparent: str | None,
        sender: str = UNKNOWN,
        own: Own = list,
    ) -> Accepted:
        """Publish all readings, or none if any is invalid. When this returns, the stream holds them on disk.

        The messages name `sender`, unless it is unknown. `own` returns the readings as the sender's key means them.

        Raises:
            Refusal: 413 too many or too large, 422 invalid, 503 no acknowledgement. After a 503 the stream may hold the
                readings or not: sending the same again is always right.
        """
        readings = own(self._validate(measurement, items))
        subject = topology.raw_subject(measurement.kind)
        parts = encode_messages(readings, topology.MAX_BODY_BYTES)
        trace = handed_on({headers.TRACEPARENT: traceparent or ""})
        who = {headers.SENDER: sender} if sender != UNKNOWN else {}
        ids: list[str] = []
        fresh = 0
        for body, count in parts:
            message = self._message(subject, body, count, {**trace, **who})
            ids.append(message.message_id)
            duplicate = await self._publish(measurement.kind, message)
            series = self._series.duplicates if duplicate else self._series.accepted
            self._observer.count(series, measurement.kind, by=count)
            fresh += not duplicate
        whole = ids[0] if len(ids) == 1 else message_id(subject, "".join(ids).encode())
        return Accepted(whole, len(readings), duplicate=fresh == 0, parts=tuple(ids))

    def _validate(self, measurement: Measurement, items: Sequence[msgspec.Raw]) -> list[Reading]:
        if not items:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "the body holds no reading; send at least one")
        if len(items) > self._max_readings:
            detail = f"{len(items)} readings in one request; the limit is {self._max_readings}: send several requests"
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        good, problems = measurement.decoder.decode_all(items)
        if problems:
            shown = f", the first {MAX_ERRORS} are listed" if len(problems) > MAX_ERRORS else ""
            detail = f"{len(items) - len(good)} of {len(items)} readings are invalid{shown}; nothing was accepted"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=problems)
        return list(good.values())

    def _message(self, subject: str, body: bytes, readings: int, more: Mapping[str, str]) -> OutgoingMessage:
        identity = message_id(subject, body)
        attributes = {
            headers.CE_SPECVERSION: "1.0",
            headers.CE_ID: identity,
            headers.CE_TYPE: subject,
            headers.CE_SOURCE: "/athlete-ally/ingest",
            headers.CE_TIME: self._now().isoformat(timespec="milliseconds"),
            headers.CONTENT_TYPE: "application/json",
            headers.READINGS: str(readings),
            **more,
        }
        return OutgoingMessage(topology.CORE_HOT, subject, body, identity, attributes)

    async def _publish(self, kind: str, message: OutgoingMessage) -> bool:
        """Publish one message; return whether the stream held it already."""
        if len(message.body) > topology.MAX_BODY_BYTES:
            raise _too_large(len(message.body))
        started = self._now()
        try:
            acknowledgement = await self._publisher.publish(message)
        except MessageTooLarge as error:
            raise _too_large(len(message.body)) from error
        except (Unavailable, Misconfigured) as error:
            detail = f"not stored: {error}. Send the same again; nothing is stored twice"
            status, cause = HTTPStatus.SERVICE_UNAVAILABLE, cause_of(error)
            raise Refusal(status, detail, retry_after_s=_RETRY_AFTER_S, cause=cause) from error
        trace = sampled_trace_id(message.headers.get(headers.TRACEPARENT))
        passed_s = (self._now() - started).total_seconds()
        self._observer.observe(self._series.publish_seconds, kind, value=passed_s, trace_id=trace)
        return acknowledgement.duplicate


def _too_large(size: int) -> Refusal:
    detail = (
        f"one reading makes a message of {size} bytes; the limit is {topology.MAX_BODY_BYTES}: send shorter rrIntervals"
    )
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
