"""The JSON of Health Auto Export (an app that passes Apple Health on), as readings of our kinds.

Format: https://github.com/Lybron/health-auto-export/wiki/API-Export---JSON-Format and
https://help.healthyapps.dev/en/health-auto-export/export-format/health-metrics. Not confirmed there: the unit of sleep
(hours), and whether percentages are of 100 or of 1 (both are understood: no body has less than one per cent of either).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from athlete_ally.core.errors import InvalidMessage, UnreadableFile
from athlete_ally.formats.apple_time import instant, interval
from athlete_ally.formats.parse_result import Finding, Found, Skipped
from athlete_ally.formats.runs import Point, Runs, Series
from athlete_ally.formats.sleep_sessions import Segment, Stage, sessions, sleep_of
from athlete_ally.formats.units import converted

SOURCE = "health-auto-export"
_MOST_NAME = 64
_MOST_LABEL = 128

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
_STAGES = {"awake": "awake", "core": "light", "deep": "deep", "rem": "rem"}
_SEGMENTS: dict[str, Stage] = {
    "In Bed": "in-bed",
    "Asleep": "asleep",
    "Unspecified": "asleep",
    "Awake": "awake",
    "Core": "light",
    "Deep": "deep",
    "REM": "rem",
}
_BODY = {
    "weight_body_mass": ("massKg", "kg"),
    "lean_body_mass": ("fatFreeMassKg", "kg"),
    "height": ("heightMeters", "m"),
}

Datum = dict[str, Any]


class _Metric(msgspec.Struct):
    name: str
    units: str = ""
    data: list[Datum] = []


class _Data(msgspec.Struct):
    metrics: list[_Metric] = []
    workouts: list[Datum] = []


class _Document(msgspec.Struct):
    data: _Data


def findings(document: bytes, user_id: str) -> Iterator[Finding]:
    """Yield the readings of a document, and what no kind takes; the same for the same document.

    Raises:
        UnreadableFile: it is no document of Health Auto Export.
    """
    try:
        data = msgspec.json.decode(document, type=_Document).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFile('no JSON of Health Auto Export: {"data": {"metrics": [...]}} is expected') from error
    reader = _Reader(user_id)
    for metric in data.metrics:
        yield from reader.metric(metric)
    for workout in data.workouts:
        yield from reader.guarded("workouts", lambda workout=workout: reader.workout(workout))
    yield from reader.finish()


class _Reader:
    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._runs = Runs(user_id)
        self._weighings: dict[tuple[str, str], Datum] = {}
        self._nights: dict[str, list[Segment]] = {}
        self._simple: dict[str, Callable[[Datum, str], Iterable[Finding]]] = {
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

    def metric(self, metric: _Metric) -> Iterator[Finding]:
        """Yield what a metric holds."""
        reader = self._simple.get(metric.name)
        for datum in metric.data:
            if reader is None:
                yield Skipped(metric.name[:_MOST_NAME])
            else:
                yield from self.guarded(metric.name, lambda datum=datum, reader=reader: reader(datum, metric.units))

    def guarded(self, name: str, read: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
        """Return what is read; what can't be understood is skipped by itself."""
        try:
            return read()
        except (InvalidMessage, KeyError, ValueError, TypeError, AttributeError, OverflowError):
            return (Skipped(f"{name}: can't be understood"),)

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
        """Return a workout."""
        reading = self._common(its, its["end"]) | interval(its["start"], its["end"])
        reading |= {"sport": _text(its["name"]).lower(), "context": "workout"}
        fields = (("activeEnergyBurned", "energyKcal", "kcal"), ("distance", "distanceMeters", "m"))
        for name, field, unit in (*fields, ("elevationUp", "ascentMeters", "m")):
            if isinstance(its.get(name), dict):
                reading[field] = converted(_number(its[name]["qty"]), its[name]["units"], unit)
        rates: Any = its.get("heartRate") or {}
        for name, field in (("avg", "averageBpm"), ("max", "maxBpm")):
            if name in rates:
                reading[field] = _number(rates[name]["qty"])
        return (Found("workout", reading),)

    def _points(self, code: str, unit: str, name: str) -> Callable[[Datum, str], Iterable[Finding]]:
        def read(datum: Datum, units: str) -> Iterable[Finding]:
            return self._point(code, unit, datum, converted(_number(datum[name]), units, unit))

        return read

    def _point(self, code: str, unit: str, datum: Datum, value: float) -> Iterable[Finding]:
        at = instant(datum["date"])
        run = self._runs.add(Series(code, unit, _source(datum)), Point(at, value, at))
        return () if run is None else (run,)

    def _blood_pressure(self, datum: Datum, units: str) -> Iterable[Finding]:
        closed: list[Finding] = []
        for name in ("systolic", "diastolic"):
            value = converted(_number(datum[name]), units or "mmHg", "mm[Hg]")
            closed += self._point(f"{name}_pressure", "mm[Hg]", datum, value)
        return closed

    def _hrv(self, datum: Datum, units: str) -> Iterable[Finding]:
        return (Found("hrv", self._of_instant(datum) | {"sdnn": converted(_number(datum["qty"]), units, "ms")}),)

    def _resting_heart_rate(self, datum: Datum, units: str) -> Iterable[Finding]:
        day = {"date": instant(datum["date"]).date().isoformat()}
        bpm = converted(_number(datum["qty"]), units, "/min")
        return (Found("resting_heart_rate", self._common(datum, datum["date"]) | day | {"bpm": bpm}),)

    def _respiratory_rate(self, datum: Datum, units: str) -> Iterable[Finding]:
        rate = converted(_number(datum["qty"]), units, "/min")
        return (Found("respiratory_rate", self._of_instant(datum) | {"breathsPerMinute": rate}),)

    def _spo2(self, datum: Datum, _units: str) -> Iterable[Finding]:
        return (Found("spo2", self._of_instant(datum) | {"percent": _per_cent(datum["qty"]), "context": "spot"}),)

    def _skin_temperature(self, datum: Datum, units: str) -> Iterable[Finding]:
        celsius = converted(_number(datum["qty"]), units, "Cel")
        return (Found("skin_temperature", self._of_instant(datum) | {"celsius": celsius, "context": "overnight"}),)

    def _sleep(self, datum: Datum, units: str) -> Iterable[Finding]:
        """Read an aggregated night, or a segment, which the app sends when aggregation is off."""
        if "value" in datum:
            start, end = instant(datum["startDate"]), instant(datum["endDate"])
            self._nights.setdefault(_source(datum), []).append(Segment(start, end, _SEGMENTS[datum["value"]], end))
            return ()
        hours = {name: converted(_number(datum[name]), units or "hr", "min") for name in _STAGES if name in datum}
        asleep_min = converted(_number(datum.get("totalSleep", datum.get("asleep"))), units or "hr", "min")
        end = datum["sleepEnd"]
        reading = self._common(datum, end) | interval(datum["sleepStart"], end)
        reading |= {"date": instant(end).date().isoformat(), "durationMinutes": asleep_min, "context": "overnight"}
        if any(hours.get(name) for name in ("core", "deep", "rem")):
            reading["stages"] = {_STAGES[name]: minutes for name, minutes in hours.items()}
        return (Found("sleep", reading),)

    def _weighing(self, field: str, unit: str) -> Callable[[Datum, str], Iterable[Finding]]:
        def read(datum: Datum, units: str) -> Iterable[Finding]:
            value = converted(_number(datum["qty"]), units, unit) if unit else _per_cent(datum["qty"])
            reading = self._of_instant(datum)
            self._weighings.setdefault((reading["source"], reading["start"]), reading)[field] = value
            return ()

        return read

    def _common(self, datum: Datum, captured: str) -> Datum:
        return {"userId": self._user_id, "capturedAt": instant(captured).isoformat(), "source": _source(datum)}

    def _of_instant(self, datum: Datum) -> Datum:
        return self._common(datum, datum["date"]) | interval(datum["date"], datum["date"])


def _source(datum: Datum) -> str:
    source = datum.get("source")
    return f"{SOURCE}/{_text(source)}"[:_MOST_LABEL] if source else SOURCE


def _text(value: Any) -> str:
    return "".join(each if each.isprintable() else " " for each in str(value))[:_MOST_LABEL]


def _number(value: Any) -> float:
    number = float(value)
    if not abs(number) < 1e9:  # noqa: PLR2004  # what fields hold; no number fails this too
        raise InvalidMessage("a number beyond every measure")
    return number


def _per_cent(value: Any) -> float:
    number = _number(value)
    return float(f"{number * 100:.6g}") if number <= 1 else number
