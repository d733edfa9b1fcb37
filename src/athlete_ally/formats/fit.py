"""FIT files (Garmin, Wahoo, Polar, Coros, ...): workouts, beats, time series and days, as readings of our kinds.

Messages and fields: https://developer.garmin.com/fit/protocol/ and the profile in Garmin's FIT SDK. Instants in FIT are
UTC; the local offset is the difference to the `local_timestamp` of the first message that states one.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from athlete_ally.formats.fit_beats import Events, intervals_ms, parts
from athlete_ally.formats.fit_body import pressures, weighing
from athlete_ally.formats.fit_message import Message, compressed_speed, instant_of, number_of, value_of
from athlete_ally.formats.fit_sleep import SLEEP_LEVEL, Nights
from athlete_ally.formats.fit_wellness import LEFT_OUT, Clock, daily_reading_of, instant_reading_of, points_of
from athlete_ally.formats.label import label
from athlete_ally.formats.parse_result import NO_KIND, Damaged, Finding, Found, Skipped
from athlete_ally.formats.runs import Point, Runs, Series

_LONGEST_OFFSET = timedelta(hours=15)
_QUARTER_HOUR_S = 900
_SHORTEST = timedelta(seconds=1)
_NO_DATE = "its time is none, or from before the clock was set"
# What a file says of itself, of its device, of the person's settings and of its structure holds no measurement.
_NO_MEASUREMENT = {
    *("activity", "file_creator", "device_info", "device_settings", "user_profile", "zones_target", "sport"),
    *("lap", "split", "split_summary", "training_file", "workout", "workout_step", "field_description", "length"),
    *("developer_data_id", "timestamp_correlation", "gps_metadata", "training_settings", "time_in_zone", "segment_lap"),
    *(
        "hrm_profile",
        "bike_profile",
        "hr_zone",
        "power_zone",
        "connectivity",
        "device_aux_battery_info",
        "capabilities",
    ),
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


def findings(messages: Iterable[Message | Skipped | Damaged], user_id: str) -> Iterator[Finding]:
    """Yield the readings of a file, and the messages that no kind takes; the same for the same file.

    Files may be chained: each begins with its `file_id`, and has its own maker and offset.
    """
    file = _File(user_id)
    for number, message in enumerate(messages, 1):
        if isinstance(message, Skipped | Damaged):
            yield message
            continue
        if message.name == "file_id" and file.has_identity:
            yield from file.finish()
            file = _File(user_id)
        place = f"message {number}"
        for finding in file.take(message, place):
            yield replace(finding, place=place) if isinstance(finding, Skipped) else finding
    yield from file.finish()


@dataclass(frozen=True, slots=True)
class _Session:
    start: datetime
    end: datetime
    fields: dict[str, Any]


class _File:
    def __init__(self, user_id: str) -> None:
        self.has_identity = False
        self._user_id = user_id
        self._runs = Runs(user_id)
        self._source = "fit"
        self._device: str | None = None
        self._offset: timedelta | None = None
        self._clock = Clock()
        self._sessions: list[_Session] = []
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._created: datetime | None = None
        self._beats_ms: list[float] = []
        self._events = Events()
        self._nights = Nights()
        self._place = ""
        self._instants: list[tuple[str, datetime, dict[str, Any]]] = []
        self._days: list[tuple[str, datetime, dict[str, Any]]] = []

        self._readers: dict[str, Callable[[Message], Iterable[Finding]]] = {
            "record": self._record,
            "hrv": self._intervals,
            "beat_intervals": self._intervals,
            "hr": self._heart_rates,
            "session": self._session,
            "weight_scale": self._weighing,
            "blood_pressure": self._blood_pressure,
            "file_id": self._identify,
            "monitoring_info": self._begin_monitoring,
            "event": self._event,
            SLEEP_LEVEL: self._sleep_level,
            **dict.fromkeys(LEFT_OUT, self._wellness),
        }

    def take(self, message: Message, place: str) -> Iterable[Finding]:
        """Return what a message gives by itself, and keep what has to wait for others."""
        self._place = place
        # The workout's own statement counts more than that of any other message.
        if self._offset is None or message.name == "activity":
            self._offset = _offset(message) or self._offset
        if (read := self._readers.get(message.name)) is not None:
            return read(message)
        return () if message.name in _NO_MEASUREMENT else (Skipped(message.name[:64], NO_KIND),)

    def finish(self) -> Iterator[Finding]:
        """Yield what had to wait for the end of the file: workouts, weighings and beats."""
        yield from self._runs.close()
        for session in self._sessions:
            yield Found("workout", self._common() | self._times(session.start, session.end) | session.fields)
        for kind, at, fields in self._instants:
            yield Found(kind, self._common() | self._times(at, at) | fields)
        yield from self._of_days()
        for night in self._nights.close(timezone(self._offset or timedelta())):
            yield night if isinstance(night, Skipped) else Found("sleep", self._common() | night)
        if (self._beats_ms or self._first) and not self._sessions:
            yield Skipped("a file without a session message", "nothing says when a workout began and ended")
        if self._beats_ms:
            yield from self._beats()

    def _of_days(self) -> Iterator[Found]:
        """Yield the last of each kind and local day: a day's value is written again whenever it changes."""
        last: dict[tuple[str, str], Found] = {}
        for kind, at, fields in sorted(self._days, key=lambda each: each[1]):
            local = at.astimezone(timezone(self._offset or timedelta()))
            day = {"date": local.date().isoformat(), "capturedAt": local.isoformat()}
            last[kind, day["date"]] = Found(kind, self._common() | day | fields)
        yield from last.values()

    def _beats(self) -> Iterator[Finding]:
        starts = [session.start for session in self._sessions] or [self._first or self._created]
        start = min((each for each in starts if each is not None), default=None)
        if start is None or len(self._beats_ms) == 1:
            reason = "a single interval" if start else "nothing in the file says when they were"
            yield Skipped("hrv", reason)
            return
        end = max((session.end for session in self._sessions), default=self._last or start)
        end = end if end > start else start + timedelta(milliseconds=sum(self._beats_ms))
        for begins, ends, part in parts(start, end, self._beats_ms):
            if len(part) > 1:
                beats = {"rrIntervals": part, "context": "workout"}
                yield Found("hrv", self._common() | self._times(begins, ends) | beats, entries=len(part))

    def _intervals(self, message: Message) -> Iterable[Finding]:
        self._beats_ms += intervals_ms(message)
        return ()

    def _event(self, message: Message) -> Iterable[Finding]:
        self._nights.take_event(message)
        return ()

    def _sleep_level(self, message: Message) -> Iterable[Finding]:
        has_date = self._nights.take_level(message, self._place)
        return () if has_date else (Skipped(f"{SLEEP_LEVEL} without a date", _NO_DATE),)

    def _begin_monitoring(self, message: Message) -> Iterable[Finding]:
        self._clock.read(message)
        return ()

    def _wellness(self, message: Message) -> Iterable[Finding]:
        at = self._clock.read(message)
        points, instant, day = points_of(message), instant_reading_of(message), daily_reading_of(message)
        if not points and instant is None and day is None:
            return (Skipped(message.name, LEFT_OUT[message.name]),)
        if at is None:
            return (Skipped(f"{message.name} without a date", _NO_DATE),)
        self._instants += [] if instant is None else [(instant[0], at, instant[1])]
        self._days += [] if day is None else [(day[0], at, day[1])]
        closed: list[Finding] = []
        for code, unit, value, context in points:
            closed += self._points_at(at, message.name, [(code, value)], unit, context)
        return closed

    def _blood_pressure(self, message: Message) -> Iterable[Finding]:
        return self._points_at(instant_of(message), message.name, pressures(message), "mm[Hg]", None)

    def _identify(self, message: Message) -> Iterable[Finding]:
        self.has_identity = True
        maker = value_of(message, "manufacturer")
        self._source = f"fit/{maker}" if maker else "fit"
        product = value_of(message, "garmin_product") or value_of(message, "product_name")
        self._device = label(product) if product else None
        self._created = instant_of(message, "time_created")
        return ()

    def _record(self, message: Message) -> Iterable[Finding]:
        values = [(code, unit, number_of(message, *fields)) for fields, code, unit in _POINTS]
        values += [("speed", "m/s", speed)] if (speed := compressed_speed(message)) is not None else []
        at = instant_of(message)
        if at is None:
            return (
                (Skipped("record without a date", _NO_DATE),) if any(value is not None for *_, value in values) else ()
            )
        self._first, self._last = min(self._first or at, at), max(self._last or at, at)
        closed: list[Finding] = []
        for code, unit, value in values:
            if value is not None:
                closed += self._points_at(at, message.name, [(code, value)], unit, "workout")
        return closed

    def _points_at(
        self, at: datetime | None, name: str, values: list[tuple[str, float]], unit: str, context: str | None
    ) -> Iterable[Finding]:
        if at is None:
            return (Skipped(f"{name} without a date", _NO_DATE),)
        series = [(Series(code, unit, self._source, self._device, context), value) for code, value in values]
        closed = [self._runs.add(each, Point(at, value, at)) for each, value in series]
        return [run for run in closed if run is not None]

    def _heart_rates(self, message: Message) -> Iterable[Finding]:
        rates = self._events.take(message)
        if rates is None:
            return (Skipped("hr without a date", "no hr message before it states an instant"),)
        closed: list[Finding] = []
        for at, bpm in rates:
            closed += self._points_at(at, message.name, [("heart_rate", bpm)], "/min", "workout")
        return closed

    def _session(self, message: Message) -> Iterable[Finding]:
        session = _session(message)
        if session is None:
            return (Skipped("session without a date", _NO_DATE),)
        self._sessions.append(session)
        return ()

    def _weighing(self, message: Message) -> Iterable[Finding]:
        at, fields = instant_of(message), weighing(message)
        if at is None or not fields:
            return (Skipped("weight_scale", _NO_DATE if fields else "there is no result in it"),)
        self._instants.append(("body", at, fields))
        return ()

    def _common(self) -> dict[str, Any]:
        common: dict[str, Any] = {"userId": self._user_id, "source": self._source}
        return common if self._device is None else common | {"device": self._device}

    def _times(self, start: datetime, end: datetime) -> dict[str, str]:
        zone = timezone(self._offset) if self._offset else UTC
        end = max(end, start + _SHORTEST).astimezone(zone)
        return {"start": start.astimezone(zone).isoformat(), "end": end.isoformat(), "capturedAt": end.isoformat()}


def _session(message: Message) -> _Session | None:
    """Return a workout; None where neither its start nor its end is a date."""
    end, start = instant_of(message), instant_of(message, "start_time")
    elapsed = timedelta(seconds=number_of(message, "total_elapsed_time", "total_timer_time") or 0.0)
    if start is None:
        if end is None:
            return None
        start = end - elapsed
    end = start + elapsed if elapsed or end is None else end
    sport, sub_sport = value_of(message, "sport") or "other", value_of(message, "sub_sport")
    named = f"{sport}: {sub_sport}" if sub_sport and sub_sport != "generic" else str(sport)
    fields: dict[str, Any] = {"sport": label(named.replace("_", " ")), "context": "workout"}
    for name, field, scale in _SESSION:
        value = number_of(message, name)
        if value is not None and value > 0:
            fields[field] = round(value * scale, 3)
    return _Session(start, end, fields)


def _offset(message: Message) -> timedelta | None:
    """Return how far local time is ahead of UTC, to the quarter of an hour; None where the message does not say."""
    local = value_of(message, "local_timestamp")
    at = instant_of(message) if isinstance(local, datetime) else None
    if at is None:
        return None
    difference_s = (local.replace(tzinfo=UTC) - at.astimezone(UTC)).total_seconds()
    offset = timedelta(seconds=round(difference_s / _QUARTER_HOUR_S) * _QUARTER_HOUR_S)
    return offset if abs(offset) < _LONGEST_OFFSET else None
