"""Telling the rest of the company what was stored. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from athlete_ally.core.broker import topology
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import derived_id
from athlete_ally.core.messages.message import Delivery, OutgoingMessage
from athlete_ally.core.messages.trace import handed_on
from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.record import Record
from athlete_ally.core.readings.sessions import Removed
from athlete_ally.core.receipts import StoreRequest

# Half of what fits, so that a record is never split and never refused.
_MAX_ANNOUNCEMENT_BYTES = topology.MAX_BODY_BYTES // 2


def announcements(
    measurement: Measurement,
    delivery: Delivery,
    request: StoreRequest,
    stored: Sequence[Record],
    removed: Sequence[Removed] = (),
    *,
    at: datetime,
) -> list[OutgoingMessage]:
    """Return messages that hold the stored records of one lot, without their bulky columns, and what went for them.

    The ids are the same whenever they are made again, so that a second attempt is a duplicate.
    """
    kind = measurement.kind
    told = {
        "deleted": (topology.deleted_subject(kind), [msgspec.json.encode(each) for each in removed]),
        "stored": (topology.stored_subject(kind), [_encode(measurement, record) for record in stored]),
    }
    return [
        _announcement(subject, derived_id(purpose, request.message_id, delivery.sequence, number), body, delivery, at)
        for purpose, (subject, encoded) in told.items()
        for number, body in enumerate(_pack(encoded))
    ]


def _encode(measurement: Measurement, record: Record) -> bytes:
    columns = msgspec.structs.asdict(record)
    return msgspec.json.encode({name: value for name, value in columns.items() if name not in measurement.bulky})


def _pack(encoded: Sequence[bytes]) -> list[bytes]:
    packs: list[list[bytes]] = []
    size = 0
    for each in encoded:
        if not packs or size + len(each) > _MAX_ANNOUNCEMENT_BYTES:
            packs.append([])
            size = 0
        packs[-1].append(each)
        size += len(each) + 1
    return [b'{"records":[' + b",".join(pack) + b"]}" for pack in packs]


def _announcement(subject: str, identity: str, body: bytes, delivery: Delivery, at: datetime) -> OutgoingMessage:
    attributes = {
        headers.CE_SPECVERSION: "1.0",
        headers.CE_ID: identity,
        headers.CE_TYPE: subject,
        headers.CE_SOURCE: "/athlete-ally/normalize",
        headers.CE_TIME: at.isoformat(timespec="milliseconds"),
        headers.CONTENT_TYPE: "application/json",
        **handed_on(delivery.headers),
    }
    return OutgoingMessage(topology.CORE_HOT, subject, body, identity, attributes)
