"""The entries of an Apple Health export, as readings of our kinds.

Types are those of HealthKit: https://developer.apple.com/documentation/healthkit/data_types. HealthKit's HRV is SDNN
(https://developer.apple.com/documentation/healthkit/hkquantitytypeidentifier/heartratevariabilitysdnn), a percentage is
a fraction of 1 (https://developer.apple.com/documentation/healthkit/hkunit/percent()).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.formats.apple_time import instant, interval
from athlete_ally.formats.apple_xml import Element
from athlete_ally.formats.finding import Finding, Found, Skipped
from athlete_ally.formats.runs import Point, Runs, Series
from athlete_ally.formats.sleep_sessions import Segment, Stage, sessions, sleep_of
from athlete_ally.formats.units import converted

Attributes = dict[str, str]

SOURCE = "apple-health"
_QUANTITY = "HKQuantityTypeIdentifier"
_DAY_S = 86_400
# Night after night for decades; a file with more is read in parts, and a session may be cut where they meet.
_MOST_WAITING = 100_000
_MOST_LABEL = 128
_MOST_NAME = 64


@dataclass(frozen=True, slots=True)
class _Points:
    """How a type becomes points: code and unit of the series; `sums` says that a value covers its interval."""

    code: str
    unit: str
    sums: bool = False
    scale: float = 1.0


POINTS = {
    "HeartRate": _Points("heart_rate", "/min"),
    "StepCount": _Points("steps", "{steps}", sums=True),
    "FlightsClimbed": _Points("floors", "{floors}", sums=True),
    "DistanceWalkingRunning": _Points("distance", "m", sums=True),
    "DistanceCycling": _Points("cycling_distance", "m", sums=True),
    "DistanceSwimming": _Points("swimming_distance", "m", sums=True),
    "ActiveEnergyBurned": _Points("active_energy", "kcal", sums=True),
    "BasalEnergyBurned": _Points("basal_energy", "kcal", sums=True),
    "BodyTemperature": _Points("body_temperature", "Cel"),
    "BloodPressureSystolic": _Points("systolic_pressure", "mm[Hg]"),
    "BloodPressureDiastolic": _Points("diastolic_pressure", "mm[Hg]"),
    "BloodGlucose": _Points("blood_glucose", "mmol/L"),
    "RunningPower": _Points("power", "W"),
    "CyclingPower": _Points("power", "W"),
    "CyclingCadence": _Points("cadence", "/min"),
    "RunningSpeed": _Points("speed", "m/s"),
    "CyclingSpeed": _Points("speed", "m/s"),
}
# https://developer.apple.com/documentation/healthkit/hkcategoryvaluesleepanalysis
STAGES: dict[str, Stage] = {
    "HKCategoryValueSleepAnalysisInBed": "in-bed",
    "HKCategoryValueSleepAnalysisAsleep": "asleep",
    "HKCategoryValueSleepAnalysisAsleepUnspecified": "asleep",
    "HKCategoryValueSleepAnalysisAwake": "awake",
    "HKCategoryValueSleepAnalysisAsleepCore": "light",
    "HKCategoryValueSleepAnalysisAsleepDeep": "deep",
    "HKCategoryValueSleepAnalysisAsleepREM": "rem",
}
_BODY = {"BodyMass": ("massKg", "kg"), "LeanBodyMass": ("fatFreeMassKg", "kg"), "Height": ("heightMeters", "m")}


def findings(entries: Iterable[Element], user_id: str) -> Iterator[Finding]:
    """Yield the readings of an export, and what no kind takes; the same for the same export."""
    export = _Export(user_id)
    for entry in entries:
        yield from export.take(entry)
    yield from export.finish()


class _Export:
    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._runs = Runs(user_id)
        self._weighings: dict[tuple[str, str], dict[str, Any]] = {}
        self._nights: dict[str, list[Segment]] = {}
        self._segments = 0
        self._exported_at: datetime | None = None
        readers: dict[str, Callable[[Element], Iterable[Finding]]] = {
            f"{_QUANTITY}{name}": self._points_reader(points) for name, points in POINTS.items()
        }
        readers |= {f"{_QUANTITY}{name}": self._weighing_reader(name) for name in (*_BODY, "BodyFatPercentage")}
        self._readers = readers | {
            f"{_QUANTITY}HeartRateVariabilitySDNN": self._hrv,
            f"{_QUANTITY}RestingHeartRate": self._resting_heart_rate,
            f"{_QUANTITY}RespiratoryRate": self._respiratory_rate,
            f"{_QUANTITY}OxygenSaturation": self._spo2,
            f"{_QUANTITY}AppleSleepingWristTemperature": self._skin_temperature,
            "HKCategoryTypeIdentifierSleepAnalysis": self._sleep,
            "Workout": self._workout,
            "ActivitySummary": self._activity,
            "ExportDate": self._export_date,
            # Who the person is, is no measurement, and nobody's business here.
            "Me": _nothing,
        }

    def take(self, entry: Element) -> Iterable[Finding]:
        sort = entry.attributes.get("type", "Record") if entry.name == "Record" else entry.name
        reader = self._readers.get(sort)
        if reader is None:
            return (Skipped(_label(sort, _MOST_NAME)),)
        try:
            return reader(entry)
        except (InvalidMessage, KeyError, ValueError, OverflowError):
            return (Skipped(f"{sort}: can't be understood"),)

    def finish(self) -> Iterator[Finding]:
        yield from self._runs.close()
        yield from self._close_weighings()
        yield from self._close_nights()

    def _points_reader(self, points: _Points) -> Callable[[Element], Iterable[Finding]]:
        def read(entry: Element) -> Iterable[Finding]:
            its = entry.attributes
            at = instant(its["startDate"])
            value = converted(_number(its["value"]), its["unit"], points.unit)
            lasts_s = (instant(its["endDate"]) - at).total_seconds() if points.sums else None
            if lasts_s is not None and not 0 <= lasts_s <= _DAY_S:
                raise InvalidMessage("a sum over more than a day")
            source, device = _origin(its.get("device", ""), its.get("sourceName", ""))
            run = self._runs.add(
                Series(points.code, points.unit, source, device), Point(at, value, _captured(its), lasts_s)
            )
            return () if run is None else (run,)

        return read

    def _hrv(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        reading = self._of_interval(its) | {"sdnn": converted(_number(its["value"]), its["unit"], "ms")}
        # Whole beats per minute are too coarse for intervals: 1/min at 60 is 16 ms, as much as many an rMSSD.
        beats = [
            [each.get("time", ""), _number(each["bpm"])]
            for name, each in entry.children
            if name == "InstantaneousBeatsPerMinute"
        ]
        return (Found("hrv", reading | ({"raw": {"instantaneousBeatsPerMinute": beats}} if beats else {})),)

    def _resting_heart_rate(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        day = {"date": instant(its["startDate"]).date().isoformat()}
        bpm = converted(_number(its["value"]), its["unit"], "/min")
        return (Found("resting_heart_rate", self._common(its) | day | {"bpm": bpm}),)

    def _respiratory_rate(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        rate = converted(_number(its["value"]), its["unit"], "/min")
        return (Found("respiratory_rate", self._of_interval(its) | {"breathsPerMinute": rate}),)

    def _spo2(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        return (Found("spo2", self._of_interval(its) | {"percent": _per_cent(its), "context": "spot"}),)

    def _skin_temperature(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        celsius = converted(_number(its["value"]), its["unit"], "Cel")
        return (Found("skin_temperature", self._of_interval(its) | {"celsius": celsius, "context": "overnight"}),)

    def _weighing_reader(self, name: str) -> Callable[[Element], Iterable[Finding]]:
        def read(entry: Element) -> Iterable[Finding]:
            """Put what a scale measured at one instant into one reading."""
            its = entry.attributes
            field, unit = _BODY.get(name, ("fatPercent", ""))
            value = converted(_number(its["value"]), its["unit"], unit) if unit else _per_cent(its)
            reading = self._of_interval(its)
            held = self._weighings.setdefault((reading["source"], reading["start"]), reading)
            held[field] = value
            held["capturedAt"] = max(held["capturedAt"], reading["capturedAt"], key=datetime.fromisoformat)
            return self._close_weighings() if len(self._weighings) >= _MOST_WAITING else ()

        return read

    def _sleep(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        segment = Segment(instant(its["startDate"]), instant(its["endDate"]), STAGES[its["value"]], _captured(its))
        source, _ = _origin(its.get("device", ""), its.get("sourceName", ""))
        self._nights.setdefault(source, []).append(segment)
        self._segments += 1
        return self._close_nights() if self._segments >= _MOST_WAITING else ()

    def _workout(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        reading = self._of_interval(its) | {"sport": _sport(its["workoutActivityType"]), "context": "workout"}
        if "duration" in its:
            reading["durationMinutes"] = converted(_number(its["duration"]), its.get("durationUnit", "min"), "min")
        for total, field, unit in (
            ("totalEnergyBurned", "energyKcal", "kcal"),
            ("totalDistance", "distanceMeters", "m"),
        ):
            if total in its:
                reading[field] = converted(_number(its[total]), its[f"{total}Unit"], unit)
        for name, each in entry.children:
            reading |= _workout_detail(name, each)
        return (Found("workout", reading),)

    def _activity(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        day = its["dateComponents"]
        over = datetime.fromisoformat(f"{day}T23:59:59+00:00")
        # A summary has no time of its own: a day that is over has its end, and the last one the time of the export.
        captured = over if self._exported_at is None else min(over, self._exported_at)
        reading: dict[str, Any] = {
            "userId": self._user_id,
            "date": day,
            "capturedAt": captured.isoformat(),
            "source": SOURCE,
        }
        if "activeEnergyBurned" in its:
            energy = _number(its["activeEnergyBurned"])
            reading["activeEnergyKcal"] = converted(energy, its.get("activeEnergyBurnedUnit", "kcal"), "kcal")
        if "appleExerciseTime" in its:
            reading["activeMinutes"] = _number(its["appleExerciseTime"])
        return (Found("activity", reading),)

    def _export_date(self, entry: Element) -> Iterable[Finding]:
        self._exported_at = instant(entry.attributes["value"])
        return ()

    def _common(self, its: Attributes) -> dict[str, Any]:
        source, device = _origin(its.get("device", ""), its.get("sourceName", ""))
        reading: dict[str, Any] = {"userId": self._user_id, "capturedAt": _captured(its).isoformat(), "source": source}
        return reading if device is None else reading | {"device": device}

    def _of_interval(self, its: Attributes) -> dict[str, Any]:
        return self._common(its) | interval(its["startDate"], its["endDate"])

    def _close_weighings(self) -> list[Finding]:
        closed: list[Finding] = [Found("body", reading) for reading in self._weighings.values()]
        self._weighings.clear()
        return closed

    def _close_nights(self) -> list[Finding]:
        closed: list[Finding] = []
        for source, segments in sorted(self._nights.items()):
            for session in sessions(segments):
                fields = sleep_of(session)
                reading = {"userId": self._user_id, "source": source, **(fields or {})}
                closed.append(Found("sleep", reading, len(session)) if fields else Skipped("sleep: in bed only"))
        self._nights.clear()
        self._segments = 0
        return closed


def _nothing(_entry: Element) -> Iterable[Finding]:
    return ()


def _captured(its: Attributes) -> datetime:
    return instant(its.get("creationDate") or its["endDate"])


def _number(text: str) -> float:
    value = float(text)
    if not abs(value) < 1e9:  # noqa: PLR2004  # what fields hold; no number fails this too
        raise InvalidMessage("a number beyond every measure")
    return value


def _per_cent(its: Attributes) -> float:
    return float(f"{_number(its['value']) * 100:.6g}")


# A device is written with the address of an object, which changes from record to record.
@lru_cache(maxsize=4096)
def _origin(device: str, source_name: str) -> tuple[str, str | None]:
    """Return source and device. What Apple's own devices measured has one source; every other app is its own."""
    parts = dict(re.findall(r", (\w+):(.*?)(?=, \w+:|>$)", device))
    label = " ".join(filter(None, (parts.get("name"), parts.get("hardware")))) or None
    by_apple = parts.get("manufacturer", "").startswith("Apple")
    source = SOURCE if by_apple or not source_name else f"{SOURCE}/{source_name}"
    return _label(source, _MOST_LABEL), None if label is None else _label(label, _MOST_LABEL)


def _label(text: str, longest: int) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)[:longest]


def _sport(activity_type: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", activity_type.removeprefix("HKWorkoutActivityType"))
    return _label(words.lower(), _MOST_LABEL) or "other"


def _workout_detail(name: str, its: Attributes) -> dict[str, float]:
    """Return what an element inside of a workout says, as fields of the reading."""
    if name == "MetadataEntry" and its.get("key") == "HKElevationAscended":
        value, _, unit = its.get("value", "").partition(" ")
        return {"ascentMeters": converted(_number(value), unit, "m")}
    if name != "WorkoutStatistics":
        return {}
    sort = its.get("type", "").removeprefix(_QUANTITY)
    if sort == "HeartRate":
        fields = {"average": "averageBpm", "maximum": "maxBpm"}
        return {f: converted(_number(its[a]), its["unit"], "/min") for a, f in fields.items() if a in its}
    if sort == "ActiveEnergyBurned" and "sum" in its:
        return {"energyKcal": converted(_number(its["sum"]), its["unit"], "kcal")}
    if sort.startswith("Distance") and "sum" in its:
        return {"distanceMeters": converted(_number(its["sum"]), its["unit"], "m")}
    return {}
