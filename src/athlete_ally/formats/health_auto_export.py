"""The JSON of Health Auto Export (an app that passes Apple Health on), as readings of our kinds.

Format: https://github.com/Lybron/health-auto-export/wiki/API-Export---JSON-Format and
https://help.healthyapps.dev/en/health-auto-export/export-format/health-metrics. Not confirmed there: the unit of sleep
(hours), and whether percentages are of 100 or of 1 (both are understood: no body has less than one per cent of either).
Versions differ, and a document may hold any of their shapes; an item that has none of them is left out by itself.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import msgspec

from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.apple_time import instant, interval
from athlete_ally.formats.health_auto_export_sleep import night_of, segment_of
from athlete_ally.formats.health_auto_export_values import BROKEN, Datum, per_cent, quantity, reason_of, source_of
from athlete_ally.formats.health_auto_export_workout import workout_fields
from athlete_ally.formats.parse_result import NO_KIND, Finding, Found, Skipped
from athlete_ally.formats.runs import Point, Runs, Series
from athlete_ally.formats.sleep_sessions import Segment, sessions, sleep_of

_MOST_NAME = 64

# Code, unit of ours, and the field with the value. How long one covers depends on the app's settings, and is not said.
_POINTS = {
    "heart_rate": ("heart_rate", "/min", "Avg"),
    "step_count": ("steps", "{steps}", "qty"),
    "flights_climbed": ("floors", "{floors}", "qty"),
    "walking_running_distance": ("distance", "m", "qty"),
    "cycling_distance": ("cycling_distance", "m", "qty"),
    "swimming_distance": ("swimming_distance", "m", "qty"),
    "active_energy": ("active_energy", "kcal", "qty"),
    "basal_energy_burned": ("basal_energy", "kcal", "qty"),
    "body_temperature": ("body_temperature", "Cel", "qty"),
    "blood_glucose": ("blood_glucose", "mmol/L", "qty"),
}
_BODY = {
    "weight_body_mass": ("massKg", "kg"),
    "lean_body_mass": ("fatFreeMassKg", "kg"),
    "height": ("heightMeters", "m"),
}

# Metrics have their data in `data`; nights of some versions stand in lists of their own.
_LISTS = ("data", "aggregatedSleepAnalyses", "sleepAnalyses")


class _Document(msgspec.Struct):
    data: Datum


def findings(document: bytes, user_id: str) -> Iterator[Finding]:
    """Yield the readings of a document, and what no kind takes; the same for the same document.

    Raises:
        UnreadableFile: it is not a document of Health Auto Export.
    """
    try:
        data = msgspec.json.decode(document, type=_Document).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFile('no JSON of Health Auto Export: {"data": {"metrics": [...]}} is expected') from error
    reader = _Reader(user_id)
    for place, metric in _items(data.get("metrics"), "metrics"):
        yield from reader.metric(metric, place)
    for place, workout in _items(data.get("workouts"), "workouts"):
        yield from reader.guarded("workouts", place, lambda workout=workout: reader.workout(workout))
    yield from reader.finish()
    # Electrocardiograms, symptoms, states of mind, medications, ...
    for name in data.keys() - {"metrics", "workouts"}:
        for place, _ in _items(data[name], name):
            yield Skipped(name[:_MOST_NAME], NO_KIND, place)


def _items(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield place and item of a list; nothing where there is none."""
    if isinstance(value, list):
        for number_of_item, item in enumerate(cast("list[Any]", value), 1):
            yield f"{name[:_MOST_NAME]}, item {number_of_item}", item


class _Reader:
    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._runs = Runs(user_id)
        self._weighings: dict[tuple[str, str], Datum] = {}
        self._nights: dict[str, list[Segment]] = {}
        self._simple: dict[str, Callable[[Datum, Any], Iterable[Finding]]] = {
            "heart_rate_variability": self._hrv,
            "resting_heart_rate": self._resting_heart_rate,
            "respiratory_rate": self._respiratory_rate,
            "blood_oxygen_saturation": self._spo2,
            "apple_sleeping_wrist_temperature": self._skin_temperature,
            "sleep_analysis": self._sleep,
            "blood_pressure": self._blood_pressure,
            "body_fat_percentage": self._weighing("fatPercent", ""),
            **{name: self._weighing(*into) for name, into in _BODY.items()},
            **{name: self._points(*into) for name, into in _POINTS.items()},
        }

    def metric(self, metric: Any, place: str) -> Iterator[Finding]:
        """Yield what a metric holds."""
        if not isinstance(metric, dict):
            yield Skipped("metrics: can't be understood", "no object", place)
            return
        its = cast("Datum", metric)
        name, units = str(its.get("name")), its.get("units")
        reader = self._simple.get(name)
        for each in _LISTS:
            for where, datum in _items(its.get(each), name):
                if reader is None:
                    yield Skipped(name[:_MOST_NAME], NO_KIND, where)
                else:
                    yield from self.guarded(name, where, lambda datum=datum, reader=reader: reader(datum, units))

    def guarded(self, name: str, place: str, read: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
        """Yield what is read, with the place of what is left out; what can't be understood costs itself."""
        try:
            for each in read():
                yield Skipped(each.what, each.reason, place) if isinstance(each, Skipped) else each
        except BROKEN as error:
            yield Skipped(f"{name}: can't be understood", reason_of(error), place)

    def finish(self) -> Iterator[Finding]:
        """Yield what had to wait for its companions."""
        yield from self._runs.close()
        for reading in self._weighings.values():
            yield Found("body", reading)
        for source, segments in self._nights.items():
            for session in sessions(segments):
                night = sleep_of(session)
                reading = {"userId": self._user_id, "source": source, **(night or {})}
                yield Found("sleep", reading, len(session)) if night else Skipped("sleep_analysis: in bed only")

    def workout(self, its: Datum) -> Iterable[Finding]:
        """Return a workout, and the details of it that are none."""
        fields, broken = workout_fields(its)
        reading = self._common(its, its["end"]) | interval(its["start"], its["end"]) | fields
        return (Found("workout", reading), *_details_left_out("workouts", broken))

    def _points(self, code: str, unit: str, name: str) -> Callable[[Datum, Any], Iterable[Finding]]:
        def read(datum: Datum, units: Any) -> Iterable[Finding]:
            value = datum[name] if name in datum else datum["qty"]
            return self._point(code, unit, datum, quantity(value, units, unit))

        return read

    def _point(self, code: str, unit: str, datum: Datum, value: float) -> Iterable[Finding]:
        at = instant(datum["date"])
        run = self._runs.add(Series(code, unit, source_of(datum)), Point(at, value, at))
        return () if run is None else (run,)

    def _blood_pressure(self, datum: Datum, units: Any) -> Iterable[Finding]:
        closed: list[Finding] = []
        values = {name: quantity(datum[name], units or "mmHg", "mm[Hg]") for name in ("systolic", "diastolic")}
        for name, value in values.items():
            closed += self._point(f"{name}_pressure", "mm[Hg]", datum, value)
        return closed

    def _hrv(self, datum: Datum, units: Any) -> Iterable[Finding]:
        return (Found("hrv", self._of_instant(datum) | {"sdnn": quantity(datum["qty"], units, "ms")}),)

    def _resting_heart_rate(self, datum: Datum, units: Any) -> Iterable[Finding]:
        day = {"date": instant(datum["date"]).date().isoformat()}
        bpm = quantity(datum["qty"], units, "/min")
        return (Found("resting_heart_rate", self._common(datum, datum["date"]) | day | {"bpm": bpm}),)

    def _respiratory_rate(self, datum: Datum, units: Any) -> Iterable[Finding]:
        rate = quantity(datum["qty"], units, "/min")
        return (Found("respiratory_rate", self._of_instant(datum) | {"breathsPerMinute": rate}),)

    def _spo2(self, datum: Datum, _units: Any) -> Iterable[Finding]:
        return (Found("spo2", self._of_instant(datum) | {"percent": per_cent(datum["qty"]), "context": "spot"}),)

    def _skin_temperature(self, datum: Datum, units: Any) -> Iterable[Finding]:
        celsius = quantity(datum["qty"], units, "Cel")
        return (Found("skin_temperature", self._of_instant(datum) | {"celsius": celsius, "context": "overnight"}),)

    def _sleep(self, datum: Datum, units: Any) -> Iterable[Finding]:
        """Read an aggregated night, or a segment, which the app sends when aggregation is off."""
        if "value" in datum:
            self._nights.setdefault(source_of(datum), []).append(segment_of(datum))
            return ()
        fields, broken = night_of(datum, units)
        reading = {"userId": self._user_id, "source": source_of(datum), **fields}
        return (Found("sleep", reading), *_details_left_out("sleep_analysis", broken))

    def _weighing(self, field: str, unit: str) -> Callable[[Datum, str], Iterable[Finding]]:
        def read(datum: Datum, units: Any) -> Iterable[Finding]:
            value = quantity(datum["qty"], units, unit) if unit else per_cent(datum["qty"])
            reading = self._of_instant(datum)
            self._weighings.setdefault((reading["source"], reading["start"]), reading)[field] = value
            return ()

        return read

    def _common(self, datum: Datum, captured: str) -> Datum:
        return {"userId": self._user_id, "capturedAt": instant(captured).isoformat(), "source": source_of(datum)}

    def _of_instant(self, datum: Datum) -> Datum:
        return self._common(datum, datum["date"]) | interval(datum["date"], datum["date"])


def _details_left_out(name: str, details: Iterable[str]) -> Iterator[Skipped]:
    for each in details:
        yield Skipped(f"{name}: {each}: can't be understood", "no number, or no unit of ours")
