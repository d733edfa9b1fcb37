"""What the demo sends: real heartbeats, sent as real clients do, mistakes included. Pure.

The beats are recordings (see `recordings/ATTRIBUTION.md`); dates, people and nights of sleep are synthetic.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from athlete_ally.demo.recordings import Recording

# One-minute recordings are the shortest that rMSSD is commonly taken from.
BEATS_A_MINUTE_READING = 60


@dataclass(frozen=True, slots=True)
class Post:
    """One HTTP request: `readings` is how many it carries, even if they can't be parsed."""

    kind: str
    body: bytes
    readings: int
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass(frozen=True, slots=True)
class Scenario:
    """The requests, in two rounds: the second repeats some of the first and comes after it."""

    first: tuple[Post, ...]
    repeats: tuple[Post, ...]

    @property
    def readings(self) -> int:
        """Return how many readings are sent in all."""
        return sum(post.readings for post in (*self.first, *self.repeats))


def tell(recordings: Sequence[Recording], today: datetime) -> Scenario:
    """Return the scenario for these recordings; nights and mornings are the last days before `today`."""
    mornings = {
        recording.file: (today - timedelta(days=number + 1)).replace(hour=6, minute=30, second=0, microsecond=0)
        for number, recording in enumerate(recordings)
    }
    wholes = [_json("hrv", _whole(recording, mornings[recording.file])) for recording in recordings]
    minutes = [_minutes(recording, mornings[recording.file]) for recording in recordings]
    batches = [_array("hrv", batch) if number % 2 else _lines("hrv", batch) for number, batch in enumerate(minutes)]
    nights = _json_all("sleep", [_night(morning, number) for number, morning in enumerate(mornings.values())])
    good = (*wholes, *batches, *nights, _corrected(today))
    return Scenario(first=(*good, *_broken(today)), repeats=good[::3])


def person_of(recording: Recording) -> str:
    """Return the synthetic id of the person whose heart a recording shows."""
    return f"demo-{recording.file.removesuffix('.txt')}"


def _whole(recording: Recording, morning: datetime) -> dict[str, Any]:
    return _hrv(recording, recording.intervals_ms, morning, context="morning")


def _minutes(recording: Recording, morning: datetime) -> list[dict[str, Any]]:
    """Cut a recording into readings of a minute or so, each with its own interval."""
    beats = recording.intervals_ms
    starts_ms = [0.0, *accumulate(beats)]
    return [
        _hrv(
            recording,
            beats[first : first + BEATS_A_MINUTE_READING],
            morning + timedelta(milliseconds=starts_ms[first]),
            context="spot",
        )
        for first in range(0, len(beats) - BEATS_A_MINUTE_READING + 1, BEATS_A_MINUTE_READING)
    ]


def _hrv(recording: Recording, beats_ms: Sequence[float], start: datetime, *, context: str) -> dict[str, Any]:
    end = start + timedelta(milliseconds=sum(beats_ms))
    return {
        "userId": person_of(recording),
        "start": start.isoformat(timespec="milliseconds"),
        "end": end.isoformat(timespec="milliseconds"),
        "rrIntervals": list(beats_ms),
        "capturedAt": end.isoformat(timespec="milliseconds"),
        "source": "demo-recording",
        "context": context,
    }


def _night(morning: datetime, number: int) -> dict[str, Any]:
    start = morning - timedelta(hours=8)
    return {
        "userId": f"demo-sleeper-{number % 3}",
        "date": morning.date().isoformat(),
        "start": start.isoformat(),
        "end": morning.isoformat(),
        "durationMinutes": 430 + number,
        "stages": {"awake": 30, "light": 240, "deep": 85 + number, "rem": 105},
        "capturedAt": (morning + timedelta(minutes=5)).isoformat(),
        "source": "demo-invented",
        "context": "overnight",
    }


def _corrected(today: datetime) -> Post:
    """Two readings of one morning; the later capture corrects the earlier one, which is superseded."""
    morning = {**_simple(today, "demo-corrected"), "rmssd": 55.0}
    earlier = {**morning, "rmssd": 62.0, "capturedAt": (today - timedelta(hours=5)).isoformat()}
    return _array("hrv", [morning, earlier])


def _broken(today: datetime) -> tuple[Post, ...]:
    good = _simple(today, "demo-careless")
    return (
        # Refused at the door: the sender made a mistake, and hears which.
        _json("hrv", {**good, "rmsssd": 48.0}),
        _array("hrv", [{**good, "rmssd": 48.0}, {**good, "rmssd": "forty"}, {**good, "rmssd": 50.0}]),
        Post("hrv", b'{"userId": "demo-careless", "date": "2026-', 1),
        _json("sleep", {**good, "durationMinutes": 400, "date": "2026-02-30"}),
        # Taken in, but impossible: the sensor made a mistake. Only these readings become dead letters.
        _array(
            "hrv",
            [{**_simple(today, "demo-sensor"), "rmssd": 48.0}, {**_simple(today, "demo-sensor-2"), "rmssd": 900.0}],
        ),
        _json("sleep", {**_simple(today, "demo-sensor"), "durationMinutes": 1500}),
    )


def _simple(today: datetime, person: str) -> dict[str, Any]:
    return {
        "userId": person,
        "date": today.date().isoformat(),
        "capturedAt": (today - timedelta(hours=1)).astimezone(UTC).isoformat(),
        "source": "demo-invented",
    }


def _json(kind: str, reading: dict[str, Any]) -> Post:
    return Post(kind, json.dumps(reading).encode(), 1)


def _json_all(kind: str, readings: Sequence[dict[str, Any]]) -> list[Post]:
    return [_json(kind, reading) for reading in readings]


def _array(kind: str, readings: Sequence[dict[str, Any]]) -> Post:
    return Post(kind, json.dumps(readings).encode(), len(readings))


def _lines(kind: str, readings: Sequence[dict[str, Any]]) -> Post:
    """NDJSON, compressed: how a phone that was offline catches up."""
    body = gzip.compress("\n".join(map(json.dumps, readings)).encode(), mtime=0)
    return Post(kind, body, len(readings), {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"})
