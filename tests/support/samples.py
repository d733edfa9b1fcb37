"""Readings, records and lots for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival, Record
from athlete_ally.core.receipts import Rejected, StoreRequest
from athlete_ally.measurements import HRV

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def hrv_reading(user: str = "a", rmssd: Any = 42, minutes_ago: int = 60, **more: Any) -> dict[str, Any]:
    """Return an HRV reading of 2026-11-20, as on the wire."""
    captured_at = NOON - timedelta(minutes=minutes_ago)
    return {"userId": user, "date": "2026-11-20", "rmssd": rmssd, "capturedAt": captured_at.isoformat(), **more}


def hrv_record(user: str = "a", rmssd: float = 42, minutes_ago: int = 60, sequence: int = 1, index: int = 0) -> Record:
    """Return the record of such a reading."""
    reading = msgspec.convert(hrv_reading(user, rmssd, minutes_ago), HRV.decoder.reading_type)
    arrival = Arrival(message_id=f"m{sequence}", stream_sequence=sequence, received_at=NOON)
    return HRV.normalise(reading, arrival, index, Rules())


def request(
    *records: Record, sequence: int = 1, message_id: str | None = None, rejected: tuple[Rejected, ...] = ()
) -> StoreRequest:
    """Return a lot with these records."""
    return StoreRequest(
        message_id=message_id or f"m{sequence}",
        stream="AA_CORE_HOT",
        sequence=sequence,
        readings=len(records) + len(rejected),
        received_at=NOON,
        stored_at=NOON,
        records=records,
        rejected=rejected,
    )
