"""Days and nights of an account export of Garmin (`*_sleepData.json`, `UDSFile_*.json`); its workouts are FIT files.

Garmin documents no format for it. Confirmed by files: `calendarDate` is the person's own day, times with GMT in their
names are UTC, and durations have their unit in their names.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any, cast

from athlete_ally.formats.iso_time import instant
from athlete_ally.formats.json_items import Item, items_of, number_of
from athlete_ally.formats.parse_result import Finding, Found, Skipped

SOURCE = "garmin-export"
_STAGES = {
    "awake": "awakeSleepSeconds",
    "light": "lightSleepSeconds",
    "deep": "deepSleepSeconds",
    "rem": "remSleepSeconds",
}
_NO_DAY = "its calendarDate is none"


def nights(content: bytes, user_id: str) -> Iterator[Finding]:
    """Yield the nights of a `*_sleepData.json`.

    Raises:
        UnreadableFile: it is not JSON.
    """
    for number, item in items_of(content):
        night = _night(cast("Item", item)) if isinstance(item, dict) else None
        if night is None:
            yield Skipped("sleepData", "a night without day, times or sleep", f"item {number}")
        else:
            yield Found("sleep", {"userId": user_id, "source": SOURCE, "context": "overnight", **night})


def days(content: bytes, user_id: str) -> Iterator[Finding]:
    """Yield activity and resting heart rate of the days of a `UDSFile_*.json`.

    Raises:
        UnreadableFile: it is not JSON.
    """
    for number, item in items_of(content):
        its = cast("Item", item) if isinstance(item, dict) else {}
        day = _day(its.get("calendarDate"))
        if day is None:
            yield Skipped("UDSFile", _NO_DAY, f"item {number}")
            continue
        # A summary has no time of its own: noon is never in the future; a later export is received later, and wins.
        noon = datetime.combine(day, time(12), UTC).isoformat()
        common: Item = {"userId": user_id, "source": SOURCE, "date": day.isoformat(), "capturedAt": noon}
        yield from _of_day(its, common)


def _of_day(its: Item, common: Item) -> Iterator[Finding]:
    fields = {
        "steps": number_of(its, "totalSteps"),
        "distanceMeters": number_of(its, "totalDistanceMeters"),
        "activeEnergyKcal": number_of(its, "activeKilocalories"),
        "moderateMinutes": number_of(its, "moderateIntensityMinutes"),
        "vigorousMinutes": number_of(its, "vigorousIntensityMinutes"),
    }
    known = {name: value for name, value in fields.items() if value is not None and value >= 0}
    if known:
        yield Found("activity", common | known)
    bpm = number_of(its, "currentDayRestingHeartRate", "restingHeartRate")
    if bpm is not None and bpm > 0:
        yield Found("resting_heart_rate", common | {"bpm": bpm})


def _night(its: Item) -> Item | None:
    day = _day(its.get("calendarDate"))
    start, end = instant(its.get("sleepStartTimestampGMT")), instant(its.get("sleepEndTimestampGMT"))
    seconds = {stage: number_of(its, name) for stage, name in _STAGES.items()}
    stages = {stage: round(each / 60, 3) for stage, each in seconds.items() if each is not None and each >= 0}
    asleep_min = sum(minutes for stage, minutes in stages.items() if stage != "awake")
    if day is None or start is None or end is None or end <= start or asleep_min <= 0:
        return None
    times = {"date": day.isoformat(), "start": start.isoformat(), "end": end.isoformat(), "capturedAt": end.isoformat()}
    scores: Any = its.get("sleepScores")
    score = number_of(cast("Item", scores), "overallScore") if isinstance(scores, dict) else None
    night: Item = {**times, "durationMinutes": round(asleep_min, 3), "stages": stages}
    return night if score is None else night | {"qualityScore": score}


def _day(written: Any) -> date | None:
    try:
        return date.fromisoformat(written)
    except (TypeError, ValueError):
        return None
