"""Heart-rate variability (HRV): rMSSD, SDNN, or the beat-to-beat intervals that they are computed from.

All in milliseconds. rMSSD and SDNN are different quantities and never share a column. `ln_rmssd` is the natural
logarithm of `rmssd_ms`, the form that training research follows (Plews et al. 2013, Sports Med 43:773-781).
"""

import math
from typing import Annotated

import msgspec

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.beats import ArtefactFilter, BeatSummary, TooFewBeats, summarise
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.reading import Decoder, Positive, Reading
from athlete_ally.core.readings.record import Arrival, Record, common_columns

# Limits of ours, far outside what is published: in healthy adults at rest study means of rMSSD are 19-75 ms, of SDNN
# 32-93 ms (Nunan et al. 2010, Pacing Clin Electrophysiol 33:1407-1417); over 24 hours SDNN is 141 +- 39 ms (Task Force
# 1996).
MAX_RMSSD_MS = 300.0
MAX_SDNN_MS = 500.0
PLAUSIBLE_RMSSD_MS = (5.0, 200.0)
PLAUSIBLE_SDNN_MS = (5.0, 300.0)
# No beat for ten seconds is no interval of a waking or sleeping person: it is a gap of the sensor (swimmers, chest
# straps that slip), or, where most intervals are so long, a unit error.
MAX_INTERVAL_MS = 10_000.0
# Above 5 % edited beats, time-domain results are commonly held to be unreliable; here they are flagged, not dropped.
ARTEFACT_SHARE_TO_FLAG = 0.05
# The Task Force (1996) standardises on 5-minute recordings; rMSSD is accepted down to one minute or so.
FEW_BEATS = 50


class HrvReading(Reading, frozen=True, kw_only=True):
    """An HRV reading: at least one of `rmssd`, `sdnn` and `rrIntervals`, all in milliseconds."""

    rmssd: Positive | None = None
    sdnn: Positive | None = None
    rr_intervals: Annotated[tuple[Positive, ...], msgspec.Meta(min_length=2, max_length=200_000)] | None = None


class HrvRecord(Record, frozen=True, kw_only=True):
    """A row of `hrv_data`. What the sender gave wins over what its own intervals say; a disagreement is flagged."""

    rmssd_ms: float | None
    ln_rmssd: float | None
    sdnn_ms: float | None
    beat_count: int | None
    artefact_count: int | None
    artefact_filter: ArtefactFilter | None
    rr_intervals_ms: tuple[float, ...] | None


def problems_of(reading: HrvReading) -> list[tuple[str, str]]:
    """Return (field, problem) for rules across fields."""
    if reading.rmssd is None and reading.sdnn is None and reading.rr_intervals is None:
        return [("rmssd", "needed: at least one of rmssd, sdnn and rrIntervals (milliseconds)")]
    return []


def normalise(reading: HrvReading, arrival: Arrival, index: int, rules: Rules) -> HrvRecord:
    """Turn one raw reading into a record.

    Raises:
        InvalidReading: a value is impossible; its text names the field and the limit.
    """
    columns = common_columns(reading, arrival, index)
    beats, artefact_filter = _summarise(reading.rr_intervals, rules.artefact_filter)
    rmssd_ms = _within(reading.rmssd, "rmssd", MAX_RMSSD_MS)
    sdnn_ms = _within(reading.sdnn, "sdnn", MAX_SDNN_MS)
    if beats is not None:
        columns["quality_flags"] += _beat_flags(beats, rmssd_ms)
        columns["quality_flags"] += _flags_of_gaps(reading.rr_intervals or ())
        columns["quality_flags"] += () if artefact_filter == rules.artefact_filter else ("artefacts-left-out",)
        rmssd_ms = _within(beats.rmssd_ms, "rrIntervals: rmssd", MAX_RMSSD_MS) if rmssd_ms is None else rmssd_ms
        sdnn_ms = _within(beats.sdnn_ms, "rrIntervals: sdnn", MAX_SDNN_MS) if sdnn_ms is None else sdnn_ms
    columns["quality_flags"] += _plausibility_flags(rmssd_ms, sdnn_ms)
    return HrvRecord(
        **columns,
        rmssd_ms=rmssd_ms,
        ln_rmssd=None if rmssd_ms is None else math.log(rmssd_ms),
        sdnn_ms=sdnn_ms,
        beat_count=None if beats is None else beats.beat_count,
        artefact_count=None if beats is None else beats.artefact_count,
        artefact_filter=artefact_filter,
        rr_intervals_ms=reading.rr_intervals,
    )


def _summarise(
    intervals_ms: tuple[float, ...] | None, artefact_filter: ArtefactFilter
) -> tuple[BeatSummary | None, ArtefactFilter | None]:
    """Return what the beats say, and the filter that it was computed with.

    A recording has gaps, and artefacts that make its result impossible: those are left out. Where hardly anything else
    is there, the unit is wrong.
    """
    if intervals_ms is None:
        return None, None
    gaps = [position for position, interval_ms in enumerate(intervals_ms) if interval_ms > MAX_INTERVAL_MS]
    try:
        beats = summarise(intervals_ms, artefact_filter=artefact_filter, gap_ms=MAX_INTERVAL_MS)
    except TooFewBeats as error:
        _refuse_gaps(gaps)
        raise InvalidReading("rrIntervals", str(error)) from error
    cleaned = None if artefact_filter == "malik" or _is_possible(beats) else _without_artefacts(intervals_ms)
    if cleaned is not None:
        beats, artefact_filter = cleaned, "malik"
    if not _is_possible(beats) or 2 * len(gaps) >= len(intervals_ms):
        _refuse_gaps(gaps)
    return beats, artefact_filter


def _without_artefacts(intervals_ms: tuple[float, ...]) -> BeatSummary | None:
    """Return what the normal intervals say, if that is possible, and if most are normal."""
    try:
        beats = summarise(intervals_ms, artefact_filter="malik", gap_ms=MAX_INTERVAL_MS)
    except TooFewBeats:
        return None
    return beats if _is_possible(beats) and 2 * beats.artefact_count <= beats.beat_count else None


def _is_possible(beats: BeatSummary) -> bool:
    return 0 < beats.rmssd_ms <= MAX_RMSSD_MS and 0 < beats.sdnn_ms <= MAX_SDNN_MS


def _refuse_gaps(gaps: list[int]) -> None:
    if gaps:
        raise InvalidReading(f"rrIntervals[{gaps[0]}]", f"not in (0, {MAX_INTERVAL_MS:g}] ms")


def _flags_of_gaps(intervals_ms: tuple[float, ...]) -> tuple[str, ...]:
    return ("gaps-present",) if any(each > MAX_INTERVAL_MS for each in intervals_ms) else ()


def _within(value: float | None, field: str, limit: float) -> float | None:
    if value is not None and not 0 < value <= limit:
        raise InvalidReading(field, f"not in (0, {limit:g}] ms")
    return value


def _beat_flags(beats: BeatSummary, stated_rmssd_ms: float | None) -> tuple[str, ...]:
    flags: list[str] = []
    if beats.artefact_count:
        flags.append("artefacts-present")
    if beats.artefact_count > ARTEFACT_SHARE_TO_FLAG * beats.beat_count:
        flags.append("artefact-share-high")
    if beats.beat_count < FEW_BEATS:
        flags.append("few-beats")
    # A vendor's own filter explains a small difference; ten per cent means another quantity or other beats.
    if stated_rmssd_ms is not None and abs(stated_rmssd_ms - beats.rmssd_ms) > 0.1 * stated_rmssd_ms:
        flags.append("rmssd-disagrees-with-intervals")
    return tuple(flags)


def _plausibility_flags(rmssd_ms: float | None, sdnn_ms: float | None) -> tuple[str, ...]:
    flags: list[str] = []
    if rmssd_ms is not None and not PLAUSIBLE_RMSSD_MS[0] <= rmssd_ms <= PLAUSIBLE_RMSSD_MS[1]:
        flags.append("rmssd-implausible")
    if sdnn_ms is not None and not PLAUSIBLE_SDNN_MS[0] <= sdnn_ms <= PLAUSIBLE_SDNN_MS[1]:
        flags.append("sdnn-implausible")
    return tuple(flags)


HRV = Measurement(
    kind="hrv",
    title="Heart-rate variability",
    decoder=Decoder[HrvReading].for_type(HrvReading, problems_of),
    record_type=HrvRecord,
    normalise=normalise,
    examples=(
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "rmssd": 42.0,
            "capturedAt": "2026-11-20T06:41:00+01:00",
            "source": "oura",
            "context": "overnight",
        },
        {
            "userId": "athlete-7",
            "start": "2026-11-20T06:55:00+01:00",
            "end": "2026-11-20T06:56:00+01:00",
            "rrIntervals": [812.0, 845.5, 790.0, 828.0, 861.0],
            "capturedAt": "2026-11-20T06:56:00+01:00",
            "source": "polar-h10",
            "device": "Polar H10",
            "context": "morning",
        },
    ),
    bulky=frozenset({"raw", "rr_intervals_ms"}),
)
