"""FIT files (Garmin, Wahoo, Polar, Coros, ...): a workout, its beats and its time series, as readings of our kinds.

Messages and fields: https://developer.garmin.com/fit/protocol/ and the profile in Garmin's FIT SDK. Instants in FIT are
UTC; the local offset is the difference that the `activity` message states.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Protocol, cast

from athlete_ally.formats.parse_result import Finding, Found, Skipped
from athlete_ally.formats.runs import Point, Runs, Series

_MS_PER_S = 1000
_LONGEST_OFFSET = timedelta(hours=15)
_QUARTER_HOUR_S = 900
# What a file says of itself, of its device and of its structure holds no measurement.
_NO_MEASUREMENT = {
    *("file_id", "file_creator", "device_info", "device_settings", "user_profile", "zones_target", "sport", "event"),
    *("lap", "split", "split_summary", "training_file", "workout", "workout_step", "field_description"),
    *("developer_data_id", "timestamp_correlation", "gps_metadata"),
}
# Field of a `record` message, or the one with more digits before it; code and unit.
_POINTS = (
    (("heart_rate",), "heart_rate", "/min"),
    (("power",), "power", "W"),
    (("cadence",), "cadence", "/min"),
    (("enhanced_speed", "speed"), "speed", "m/s"),
    (("enhanced_altitude", "altitude"), "altitude", "m"),
    (("enhanced_respiration_rate", "respiration_rate"), "respiratory_rate", "/min"),
)
_SESSION = (
    ("total_calories", "energyKcal", 1.0),
    ("total_distance", "distanceMeters", 1.0),
    ("total_ascent", "ascentMeters", 1.0),
    ("avg_heart_rate", "averageBpm", 1.0),
    ("max_heart_rate", "maxBpm", 1.0),
    ("training_load_peak", "load", 1.0),
    ("total_timer_time", "durationMinutes", 1 / 60),
)


class Message(Protocol):
    """A data message of a FIT file, decoded."""

    @property
    def name(self) -> str:
        """Return its name in the profile."""
        ...

    def get_value(self, field: str, *, fallback: Any) -> Any:
        """Return the value of a field in its unit, or `fallback` where the message has none."""
        ...


def findings(messages: Iterable[Message], user_id: str) -> Iterator[Finding]:
    """Yield the readings of a file, and the messages that no kind takes; the same for the same file."""
    file = _File(user_id)
    for message in messages:
        yield from file.take(message)
    yield from file.finish()


class _File:
    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._runs = Runs(user_id)
        self._source = "fit"
        self._device: str | None = None
        self._offset = timedelta()
        self._sessions: list[dict[str, Any]] = []
        self._beats_ms: list[float] = []

    def take(self, message: Message) -> Iterable[Finding]:
        match message.name:
            case "record":
                return self._record(message)
            case "hrv":
                self._beats_ms += _beats_ms(_value(message, "time"))
            case "session":
                self._sessions.append(_session(message))
            case "file_id":
                maker = _value(message, "manufacturer")
                self._source = f"fit/{maker}" if maker else "fit"
                product = _value(message, "garmin_product") or _value(message, "product_name")
                self._device = str(product)[:128] if product else None
            case "activity":
                self._offset = _offset(message)
            case name if name in _NO_MEASUREMENT:
                pass
            case name:
                return (Skipped(name[:64]),)
        return ()

    def finish(self) -> Iterator[Finding]:
        yield from self._runs.close()
        for session in self._sessions:
            times = self._times(session["start"], session["end"])
            yield Found("workout", self._common() | times | session["fields"])
        if len(self._beats_ms) > 1 and self._sessions:
            times = self._times(self._sessions[0]["start"], self._sessions[-1]["end"])
            beats = {"rrIntervals": self._beats_ms, "context": "workout"}
            yield Found("hrv", self._common() | times | beats, entries=len(self._beats_ms))

    def _record(self, message: Message) -> Iterable[Finding]:
        at = _value(message, "timestamp")
        if not isinstance(at, datetime):
            yield Skipped("record without a time")
            return
        for fields, code, unit in _POINTS:
            value = next((each for field in fields if (each := _value(message, field)) is not None), None)
            if isinstance(value, (int, float)):
                series = Series(code, unit, self._source, self._device, "workout")
                run = self._runs.add(series, Point(at, float(value), at))
                if run is not None:
                    yield run

    def _common(self) -> dict[str, Any]:
        common: dict[str, Any] = {"userId": self._user_id, "source": self._source}
        return common if self._device is None else common | {"device": self._device}

    def _times(self, start: datetime, end: datetime) -> dict[str, str]:
        zone = timezone(self._offset) if self._offset else UTC
        end = max(end, start + timedelta(seconds=1)).astimezone(zone)
        return {"start": start.astimezone(zone).isoformat(), "end": end.isoformat(), "capturedAt": end.isoformat()}


def _beats_ms(times_s: Any) -> list[float]:
    """Return the intervals of one message: one, or up to five, and nothing where places are left empty."""
    several = cast("Sequence[float | None]", times_s if isinstance(times_s, (tuple, list)) else (times_s,))
    return [round(each * _MS_PER_S, 3) for each in several if each]


def _value(message: Message, field: str) -> Any:
    return message.get_value(field, fallback=None)


def _session(message: Message) -> dict[str, Any]:
    end = _value(message, "timestamp")
    start = _value(message, "start_time") or end
    elapsed_s: Any = _value(message, "total_elapsed_time")
    if elapsed_s:
        end = start + timedelta(seconds=elapsed_s)
    sport, sub_sport = _value(message, "sport") or "other", _value(message, "sub_sport")
    named = f"{sport}: {sub_sport}" if sub_sport and sub_sport != "generic" else str(sport)
    fields: dict[str, Any] = {"sport": named.replace("_", " ")[:128], "context": "workout"}
    for name, field, scale in _SESSION:
        value: Any = _value(message, name)
        if isinstance(value, (int, float)) and value > 0:
            fields[field] = round(value * scale, 3)
    return {"start": start, "end": end, "fields": fields}


def _offset(message: Message) -> timedelta:
    """Return how far local time is ahead of UTC, to the quarter of an hour; none where the file does not say."""
    at, local = _value(message, "timestamp"), _value(message, "local_timestamp")
    if not isinstance(at, datetime) or not isinstance(local, datetime):
        return timedelta()
    difference_s = (local.replace(tzinfo=UTC) - at.astimezone(UTC)).total_seconds()
    offset = timedelta(seconds=round(difference_s / _QUARTER_HOUR_S) * _QUARTER_HOUR_S)
    return offset if abs(offset) < _LONGEST_OFFSET else timedelta()
