"""What every record has in common: key, order, lineage and quality flags."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.reading import Reading

# A device whose clock was reset reports 1970 or 2000; accepting it would order real readings wrongly.
EARLIEST_CAPTURE = datetime(2000, 1, 2, tzinfo=UTC)
# A capture far in the future would win against every later reading of its key, for ever.
MAX_CLOCK_AHEAD = timedelta(hours=24)
# Phones and watches drift by seconds; minutes are worth a flag.
PLAUSIBLE_CLOCK_AHEAD = timedelta(minutes=5)
MAX_INTERVAL = timedelta(hours=48)


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reading came from: the lineage of its record.

    `received_at` is when ingest took it; `stream_sequence` orders messages of equal capture time.
    """

    message_id: str
    stream_sequence: int
    received_at: datetime


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A normalised, typed reading: one row of its kind's table.

    Key: (`user_id`, `period`, `source`, `context`). `period` is the start of the interval in UTC, or the local day
    where there is no interval. Of two records with one key the one with the later `captured_at` stays, then the one
    with the higher `stream_sequence`, whatever the order of arrival. `session_id` links versions of a session whose
    keys differ (see `core.readings.sessions`).
    """

    user_id: str
    period: str
    source: str
    context: str
    day: date
    starts_at: datetime | None
    ends_at: datetime | None
    device: str | None
    raw: str | None
    quality_flags: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    message_id: str
    stream_sequence: int
    reading_index: int
    session_id: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """What the record is about: at most one is stored for each key."""
        return (self.user_id, self.period, self.source, self.context)

    @property
    def order(self) -> tuple[datetime, int, int]:
        """What decides between two records of one key: the greater one stays."""
        return (self.captured_at, self.stream_sequence, self.reading_index)


KEY_COLUMNS = ("user_id", "period", "source", "context")

AnyRecord = TypeVar("AnyRecord", bound=Record)


def newest(records: Iterable[AnyRecord]) -> list[AnyRecord]:
    """Return one record for each key, the newest, sorted by key.

    Sorted, so that two workers writing the same people's rows lock them in one order and never deadlock.
    """
    best: dict[tuple[str, ...], AnyRecord] = {}
    for record in records:
        rival = best.get(record.key)
        if rival is None or record.order > rival.order:
            best[record.key] = record
    return [best[key] for key in sorted(best)]


def common_columns(reading: Reading, arrival: Arrival, index: int) -> dict[str, Any]:
    """Return the columns that are worked out alike for every kind, `quality_flags` holding what concerns time.

    A night belongs to the day the person woke up: without a given day, the local date of the interval's end.

    Raises:
        InvalidReading: a time is impossible.
    """
    _check_times(reading, arrival)
    day, period = _day_and_period(reading)
    return {
        "user_id": reading.user_id,
        "period": period,
        "source": reading.source,
        "context": reading.context,
        "day": day,
        "starts_at": reading.start,
        "ends_at": reading.end,
        "device": reading.device,
        "raw": None if reading.raw is msgspec.UNSET else bytes(reading.raw).decode(),
        "quality_flags": _time_flags(reading, arrival),
        "captured_at": reading.captured_at,
        "received_at": arrival.received_at,
        "message_id": arrival.message_id,
        "stream_sequence": arrival.stream_sequence,
        "reading_index": index,
        "session_id": reading.session_id,
    }


def _day_and_period(reading: Reading) -> tuple[date, str]:
    if reading.start is not None and reading.end is not None:
        period = reading.start.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return reading.day or reading.end.date(), period
    if reading.day is None:
        raise InvalidReading("date", "needed: the person's local day, or an interval to take it from")
    return reading.day, reading.day.isoformat()


def _time_flags(reading: Reading, arrival: Arrival) -> tuple[str, ...]:
    flags: list[str] = []
    if reading.captured_at - arrival.received_at > PLAUSIBLE_CLOCK_AHEAD:
        flags.append("clock-ahead")
    if reading.day is None or reading.start is None or reading.end is None:
        return tuple(flags)
    if not reading.start.date() <= reading.day <= reading.end.date():
        flags.append("day-outside-interval")
    return tuple(flags)


def _check_times(reading: Reading, arrival: Arrival) -> None:
    latest = arrival.received_at + MAX_CLOCK_AHEAD
    if reading.captured_at < EARLIEST_CAPTURE:
        raise InvalidReading("capturedAt", f"must be on or after {EARLIEST_CAPTURE.date()}")
    if reading.captured_at > latest:
        raise InvalidReading("capturedAt", "must be at most 24 hours after the receipt of the reading")
    # Local days reach 14 hours past UTC (Kiritimati), hence a day on top of the clock's allowance.
    if reading.day is not None and not EARLIEST_CAPTURE.date() <= reading.day <= (latest + timedelta(days=1)).date():
        raise InvalidReading("date", f"must be between {EARLIEST_CAPTURE.date()} and now")
    if reading.start is None or reading.end is None:
        return
    if reading.start < EARLIEST_CAPTURE or max(reading.start, reading.end) > latest:
        raise InvalidReading("start", f"must be between {EARLIEST_CAPTURE.date()} and now")
    if reading.end - reading.start > MAX_INTERVAL:
        raise InvalidReading("end", f"must be at most {MAX_INTERVAL.total_seconds() / 3600:.0f} hours after start")
