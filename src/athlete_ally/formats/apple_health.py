"""The entries of an Apple Health export, as readings of our kinds.

Types are those of HealthKit: https://developer.apple.com/documentation/healthkit/data_types. HealthKit's HRV is SDNN
(https://developer.apple.com/documentation/healthkit/hkquantitytypeidentifier/heartratevariabilitysdnn), a percentage is
a fraction of 1 (https://developer.apple.com/documentation/healthkit/hkunit/percent()).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from athlete_ally.core.errors import InvalidMessage, UnreadableFile
from athlete_ally.core.time_zone import zone_named
from athlete_ally.formats.apple_time import day_of, instant, interval, local
from athlete_ally.formats.apple_values import (
    QUANTITY,
    SOURCE,
    Attributes,
    Origins,
    captured,
    label,
    number,
    per_cent,
    quantity,
)
from athlete_ally.formats.apple_workout import WorkoutParts, legs_of, workout_of
from athlete_ally.formats.apple_xml import Element
from athlete_ally.formats.parse_result import Finding, Found, Skipped
from athlete_ally.formats.runs import Point, Runs, Series
from athlete_ally.formats.sleep_sessions import Segment, Stage, is_ended, sessions, sleep_of
from athlete_ally.formats.units import converted

# A day has 25 hours when the clocks go back.
_LONGEST_DAY_S = 25 * 3600
# Night after night for decades; a file with more is read in parts, and a session may be cut where they meet.
_MOST_WAITING = 100_000
_MOST_NAME = 64
_SAYS_MORE = timedelta(milliseconds=1)


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
    """Yield the readings of an export, and what no kind takes; the same for the same export.

    Raises:
        UnreadableFile: `entries` did; what stands in front of the damage was yielded.
    """
    export = _Export(user_id)
    try:
        for entry in entries:
            yield from export.take(entry)
    except UnreadableFile:
        yield from export.finish()
        raise
    yield from export.finish()


class _Export:
    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._runs = Runs(user_id)
        self._weighings: dict[tuple[str, str], dict[str, Any]] = {}
        self._nights: dict[str, list[Segment]] = {}
        self._segments = 0
        self._origins = Origins()
        self._sdnn_ms: dict[tuple[str, str], float] = {}
        self._rmssd: dict[tuple[str, str], dict[str, Any]] = {}
        self._exported_at: datetime | None = None
        readers: dict[str, Callable[[Element], Iterable[Finding]]] = {
            f"{QUANTITY}{name}": self._points_reader(points) for name, points in POINTS.items()
        }
        readers |= {f"{QUANTITY}{name}": self._weighing_reader(name) for name in (*_BODY, "BodyFatPercentage")}
        self._readers = readers | {
            f"{QUANTITY}HeartRateVariabilitySDNN": self._sdnn,
            # From iOS 27 on; the type says by its name which of the two it is.
            f"{QUANTITY}HeartRateVariabilityRMSSD": self._rmssd_of,
            f"{QUANTITY}RestingHeartRate": self._resting_heart_rate,
            f"{QUANTITY}RespiratoryRate": self._respiratory_rate,
            f"{QUANTITY}OxygenSaturation": self._spo2,
            f"{QUANTITY}AppleSleepingWristTemperature": self._skin_temperature,
            "HKCategoryTypeIdentifierSleepAnalysis": self._sleep,
            "Workout": self._workout,
            "ActivitySummary": self._activity,
            "ExportDate": self._export_date,
            # The person's identity is not a measurement, and not needed here.
            "Me": _nothing,
        }

    def take(self, entry: Element) -> Iterable[Finding]:
        sort = entry.attributes.get("type", "Record") if entry.name == "Record" else entry.name
        reader = self._readers.get(sort)
        if reader is None:
            return (Skipped(label(sort, _MOST_NAME), place=f"line {entry.line}"),)
        try:
            return reader(entry)
        except (InvalidMessage, KeyError, ValueError, OverflowError) as error:
            return (_not_understood(sort, _reason(error), entry.line),)

    def finish(self) -> Iterator[Finding]:
        yield from self._runs.close()
        yield from self._close_weighings()
        yield from self._close_nights()
        yield from self._close_rmssd()

    def _points_reader(self, points: _Points) -> Callable[[Element], Iterable[Finding]]:
        def read(entry: Element) -> Iterable[Finding]:
            its = entry.attributes
            at = instant(its["startDate"])
            value = quantity(its, points.unit)
            lasts_s = (instant(its["endDate"]) - at).total_seconds() if points.sums else None
            if lasts_s is not None and not 0 <= lasts_s <= _LONGEST_DAY_S:
                raise InvalidMessage("a sum over more than a day")
            source, device = self._origins.of_record(its, its["type"])
            run = self._runs.add(
                Series(points.code, points.unit, source, device), Point(at, value, captured(its), lasts_s)
            )
            return () if run is None else (run,)

        return read

    def _sdnn(self, entry: Element) -> Iterable[Finding]:
        reading: dict[str, Any] = self._of_interval(entry) | {"sdnn": quantity(entry.attributes, "ms")}
        if len(self._sdnn_ms) < _MOST_WAITING:
            self._sdnn_ms[reading["source"], reading["start"]] = reading["sdnn"]
        # Whole beats per minute are too coarse for intervals: 1/min at 60 is 16 ms, as much as many an rMSSD.
        beats = [
            [each.get("time", ""), number(each["bpm"])]
            for name, each in entry.children
            if name == "InstantaneousBeatsPerMinute"
        ]
        return (Found("hrv", reading | ({"raw": {"instantaneousBeatsPerMinute": beats}} if beats else {})),)

    def _rmssd_of(self, entry: Element) -> Iterable[Finding]:
        """Keep an rMSSD until the end: an SDNN of the same interval has the same key, and is the same record."""
        reading: dict[str, Any] = self._of_interval(entry) | {"rmssd": quantity(entry.attributes, "ms")}
        self._rmssd[reading["source"], reading["start"]] = reading
        return self._close_rmssd() if len(self._rmssd) >= _MOST_WAITING else ()

    def _close_rmssd(self) -> list[Finding]:
        closed: list[Finding] = []
        for key, reading in self._rmssd.items():
            sdnn_ms = self._sdnn_ms.get(key)
            closed.append(Found("hrv", reading if sdnn_ms is None else reading | _with_sdnn(reading, sdnn_ms)))
        self._rmssd.clear()
        return closed

    def _resting_heart_rate(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        zone = _zone(entry)
        start = local(instant(its["startDate"]), zone)
        day = day_of(start, local(instant(its.get("endDate") or its["startDate"]), zone))
        bpm = quantity(its, "/min")
        return (Found("resting_heart_rate", self._common(its) | {"date": day.isoformat(), "bpm": bpm}),)

    def _respiratory_rate(self, entry: Element) -> Iterable[Finding]:
        rate = quantity(entry.attributes, "/min")
        return (Found("respiratory_rate", self._of_interval(entry) | {"breathsPerMinute": rate}),)

    def _spo2(self, entry: Element) -> Iterable[Finding]:
        percent = per_cent(entry.attributes)
        return (Found("spo2", self._of_interval(entry) | {"percent": percent, "context": "spot"}),)

    def _skin_temperature(self, entry: Element) -> Iterable[Finding]:
        celsius = quantity(entry.attributes, "Cel")
        return (Found("skin_temperature", self._of_interval(entry) | {"celsius": celsius, "context": "overnight"}),)

    def _weighing_reader(self, name: str) -> Callable[[Element], Iterable[Finding]]:
        def read(entry: Element) -> Iterable[Finding]:
            """Put what a scale measured at one instant into one reading."""
            its = entry.attributes
            field, unit = _BODY.get(name, ("fatPercent", ""))
            value = quantity(its, unit) if unit else per_cent(its)
            reading = self._of_interval(entry)
            held = self._weighings.setdefault((reading["source"], reading["start"]), reading)
            held[field] = value
            held["capturedAt"] = max(held["capturedAt"], reading["capturedAt"], key=datetime.fromisoformat)
            return self._close_weighings() if len(self._weighings) >= _MOST_WAITING else ()

        return read

    def _sleep(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        zone, stage = _zone(entry), STAGES[its["value"]]
        segment = Segment(
            local(instant(its["startDate"]), zone), local(instant(its["endDate"]), zone), stage, captured(its)
        )
        if not is_ended(segment):
            return (Skipped(f"sleep: {stage}", "nobody ended it, or it ends before it begins", _place(entry)),)
        source, _ = self._origins.of_record(its, its["type"])
        self._nights.setdefault(source, []).append(segment)
        self._segments += 1
        return self._close_nights() if self._segments >= _MOST_WAITING else ()

    def _workout(self, entry: Element) -> Iterable[Finding]:
        its = entry.attributes
        common, zone = self._common(its, is_workout=True), _zone(entry)
        found = [
            *self._workout_part(entry, workout_of(entry), common | interval(its["startDate"], its["endDate"], zone))
        ]
        for activity, leg in legs_of(entry):
            found += self._leg(activity, leg, common, zone)
        return found

    def _leg(
        self, activity: Element, leg: WorkoutParts | None, common: dict[str, Any], zone: tzinfo | None
    ) -> Iterator[Finding]:
        its = activity.attributes
        if leg is None:
            yield Skipped("WorkoutActivity", "nothing tells its sport", _place(activity))
            return
        try:
            times = interval(its["startDate"], its["endDate"], zone)
        except (InvalidMessage, KeyError, OverflowError) as error:
            yield _not_understood("WorkoutActivity", _reason(error), activity.line)
            return
        yield from self._workout_part(activity, leg, common | times)

    def _workout_part(self, entry: Element, parts: WorkoutParts, common: dict[str, Any]) -> Iterator[Finding]:
        yield Found("workout", common | parts.fields)
        for what in parts.left_out:
            yield _not_understood(f"Workout: {label(what, _MOST_NAME)}", "no number, or no unit of ours", entry.line)

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
            energy = number(its["activeEnergyBurned"])
            reading["activeEnergyKcal"] = converted(energy, its.get("activeEnergyBurnedUnit", "kcal"), "kcal")
        if "appleExerciseTime" in its:
            reading["activeMinutes"] = number(its["appleExerciseTime"])
        return (Found("activity", reading),)

    def _export_date(self, entry: Element) -> Iterable[Finding]:
        self._exported_at = instant(entry.attributes["value"])
        return ()

    def _common(self, its: Attributes, *, is_workout: bool = False) -> dict[str, Any]:
        source, device = self._origins.of_workout(its) if is_workout else self._origins.of_record(its, its["type"])
        reading: dict[str, Any] = {"userId": self._user_id, "capturedAt": captured(its).isoformat(), "source": source}
        return reading if device is None else reading | {"device": device}

    def _of_interval(self, entry: Element) -> dict[str, Any]:
        its = entry.attributes
        return self._common(its) | interval(its["startDate"], its["endDate"], _zone(entry))

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


def _with_sdnn(reading: dict[str, Any], sdnn_ms: float) -> dict[str, Any]:
    # An export of before iOS 27 has the SDNN alone, captured at the same time: imported later, it must not win.
    later = datetime.fromisoformat(reading["capturedAt"]) + _SAYS_MORE
    return {"sdnn": sdnn_ms, "capturedAt": later.isoformat()}


def _zone(entry: Element) -> tzinfo | None:
    """Return the zone that an entry states: that of its own metadata, or of its first activity's."""
    for each in (entry, *entry.activities):
        for name, its in each.children:
            if name == "MetadataEntry" and its.get("key") == "HKTimeZone":
                return zone_named(its.get("value", ""))
    return None


def _reason(error: Exception) -> str:
    match error:
        case InvalidMessage():
            return str(error)
        case KeyError():
            return "an attribute is missing, or its value is none that Apple documents"
        case _:
            return "a number or a time that is none"


def _not_understood(sort: str, reason: str, line: int) -> Skipped:
    return Skipped(f"{sort}: can't be understood", reason, f"line {line}")


def _place(entry: Element) -> str:
    return f"line {entry.line}"


def _nothing(_entry: Element) -> Iterable[Finding]:
    return ()
