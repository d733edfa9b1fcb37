"""Nights in Garmin's FIT files: `sleep_level` messages, between the event that begins a night and the last of them.

Garmin documents the message and its levels (https://developer.garmin.com/fit/protocol/, profile: sleep_level), not what
its instant stands for. Reports on files of watches agree that it ends the stretch of its level, and that a night begins
with event 74 of type `start` (https://codeberg.org/Freeyourgadget/Gadgetbridge, GarminActivitySampleProvider).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from athlete_ally.formats.fit_message import Message, instant_of, value_of
from athlete_ally.formats.parse_result import Skipped
from athlete_ally.formats.sleep_sessions import Segment, Stage, is_ended, sleep_of

SLEEP_LEVEL = "sleep_level"
_SLEEP_EVENT = 74
_STAGES: dict[Any, Stage] = {"awake": "awake", "light": "light", "deep": "deep", "rem": "rem"}
_NO_START = "no event in front of it says when the night began"
_NO_SLEEP = "no stage of sleep is among its levels"


@dataclass(frozen=True, slots=True)
class _Mark:
    """An instant of a night: its beginning, or the end of a level, and where in the file it stands."""

    at: datetime
    is_start: bool
    level: Any = None
    place: str = ""


class Nights:
    """Collects what a file says of nights, in any order."""

    def __init__(self) -> None:
        """Know of no night."""
        self._marks: list[_Mark] = []

    def take_event(self, message: Message) -> None:
        """Note the beginning of a night; every other event is of no concern."""
        at = instant_of(message)
        if value_of(message, "event") == _SLEEP_EVENT and value_of(message, "event_type") == "start" and at is not None:
            self._marks.append(_Mark(at, is_start=True))

    def take_level(self, message: Message, place: str) -> bool:
        """Note a level; False where it has no date."""
        at = instant_of(message)
        if at is not None:
            self._marks.append(_Mark(at, is_start=False, level=value_of(message, "sleep_level"), place=place))
        return at is not None

    def close(self, zone: timezone) -> Iterator[dict[str, Any] | Skipped]:
        """Yield the fields of each night, and a `Skipped` for each level that belongs to none."""
        for begins, levels in self._nights():
            if begins is None:
                yield from (Skipped(SLEEP_LEVEL, _NO_START, each.place) for each in levels)
                continue
            segments = _segments(begins.at, levels, zone)
            if segments and (fields := sleep_of(segments)) is not None:
                yield fields
            else:
                yield from (Skipped(SLEEP_LEVEL, _NO_SLEEP, each.place) for each in levels)

    def _nights(self) -> Iterator[tuple[_Mark | None, list[_Mark]]]:
        """Yield the beginning of each night that has levels, and these, in the order of time."""
        begins: _Mark | None = None
        levels: list[_Mark] = []
        for mark in sorted(self._marks, key=lambda each: (each.at, each.is_start)):
            if not mark.is_start:
                levels.append(mark)
                continue
            if levels:
                yield begins, levels
            begins, levels = mark, []
        if levels:
            yield begins, levels


def _segments(start: datetime, levels: list[_Mark], zone: timezone) -> list[Segment]:
    """Return the stretches of the night, each from the end of the one before it; unmeasurable ones are none."""
    segments: list[Segment] = []
    woke_up = levels[-1].at.astimezone(zone)
    begins = start.astimezone(zone)
    for level in levels:
        ends = level.at.astimezone(zone)
        stage = _STAGES.get(level.level)
        if stage is not None and is_ended(segment := Segment(begins, ends, stage, woke_up)):
            segments.append(segment)
        begins = ends
    return segments
