"""From segments of sleep stages to nights: segments of one source that follow each other are one session."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Stage = Literal["in-bed", "asleep", "awake", "light", "deep", "rem"]
_ASLEEP = {"asleep", "light", "deep", "rem"}
_STAGED: tuple[Stage, ...] = ("awake", "light", "deep", "rem")
# Ours: who is up for longer than that has slept twice.
_LONGEST_GAP = timedelta(hours=1)
# Ours: less than three hours that begin in the day are a nap, whatever else a source calls it.
_LONGEST_NAP_MIN = 180.0
_NAPS_BEGIN_AT = range(9, 20)
# Ours: a segment that is longer is one that nobody ended, and would join the nights that it covers.
_LONGEST_IN_BED = timedelta(hours=16)
_LONGEST_SEGMENT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one stage."""

    start: datetime
    end: datetime
    stage: Stage
    captured_at: datetime


def is_ended(segment: Segment) -> bool:
    """Tell whether a segment ends after it begins, and soon enough to be one."""
    longest = _LONGEST_IN_BED if segment.stage == "in-bed" else _LONGEST_SEGMENT
    return timedelta() <= segment.end - segment.start <= longest


def sessions(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Split the segments of one source into sessions, in the order of time."""
    session: list[Segment] = []
    end: datetime | None = None
    for segment in sorted(segments, key=lambda each: (each.start, each.end, each.stage)):
        if end is not None and segment.start > end + _LONGEST_GAP:
            yield session
            session, end = [], None
        session.append(segment)
        end = segment.end if end is None else max(end, segment.end)
    if session:
        yield session


def sleep_of(session: list[Segment]) -> dict[str, Any] | None:
    """Return the fields of a sleep reading, times included; None where nobody slept (in bed only).

    Overlapping segments of a stage count once. The day is the local one of the end: the person woke up then.
    """
    minutes: dict[str, float] = {stage: _union_min(session, {stage}) for stage in ("in-bed", *_STAGED)}
    asleep_min = _union_min(session, _ASLEEP)
    if asleep_min <= 0:
        return None
    start = min(session, key=lambda each: each.start).start
    end = max(session, key=lambda each: each.end).end
    fields: dict[str, Any] = {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "date": end.date().isoformat(),
        "capturedAt": max(each.captured_at for each in session).isoformat(),
        "context": "nap" if asleep_min < _LONGEST_NAP_MIN and start.hour in _NAPS_BEGIN_AT else "overnight",
        "durationMinutes": asleep_min,
    }
    if any(minutes[stage] for stage in ("light", "deep", "rem")):
        fields["stages"] = {stage: minutes[stage] for stage in _STAGED}
    if minutes["in-bed"] >= asleep_min:
        fields["efficiency"] = round(100 * asleep_min / minutes["in-bed"], 1)
    return fields


def _union_min(session: list[Segment], stages: set[str]) -> float:
    """Return the minutes that are covered by at least one segment of these stages."""
    total = timedelta()
    until: datetime | None = None
    for segment in session:
        if segment.stage in stages:
            start = segment.start if until is None else max(segment.start, until)
            if segment.end > start:
                total += segment.end - start
                until = segment.end
    return round(total.total_seconds() / 60, 2)
