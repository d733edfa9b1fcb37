"""Heart-rate variability from beat-to-beat (RR) intervals: rMSSD, SDNN, and which intervals are no normal beats.

Definitions: Task Force of the ESC and NASPE 1996, Circulation 93:1043-1065, doi 10.1161/01.CIR.93.5.1043.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Literal, assert_never

ArtefactFilter = Literal["off", "malik"]

# 200 and 30 beats a minute: the range that hrv-analysis takes as plausible (`remove_outliers`).
SHORTEST_MS = 300.0
LONGEST_MS = 2000.0
# Malik et al. 1989, Eur Heart J 10:1060-1074: more than 20 % away from the preceding interval is no normal beat.
LARGEST_CHANGE = 0.2
# A guess (#2): runs of ectopic beats are mostly shorter, and a real jump of the heart rate then costs five seconds of
# data, not a night. Measured on the bundled recordings: any number from 3 to 10 gives the same rMSSD within 0.2 ms.
RESYNCHRONISE_AFTER = 5


class TooFewBeats(ValueError):
    """Fewer intervals than the result needs: refuse the reading, there is nothing to compute from."""


@dataclass(frozen=True, slots=True)
class BeatSummary:
    """What a series of intervals says.

    `beat_count`: intervals as sent. `artefact_count`: how many of them are artefacts, whether left out or not.
    """

    rmssd_ms: float
    sdnn_ms: float
    beat_count: int
    artefact_count: int


def rmssd_ms(intervals_ms: Sequence[float]) -> float:
    """Return the root of the mean squared difference between successive intervals, in milliseconds (Task Force 1996).

    Raises:
        TooFewBeats: there are fewer than two intervals.
    """
    return _root_mean_square(later - earlier for earlier, later in pairwise(intervals_ms))


def sdnn_ms(intervals_ms: Sequence[float]) -> float:
    """Return the standard deviation of the intervals, in milliseconds (Task Force 1996).

    The denominator is n - 1: a recording is a sample of a person's beats, and n - 1 makes its variance an unbiased
    estimate. hrv-analysis and NeuroKit2 do the same.

    Raises:
        TooFewBeats: there are fewer than two intervals.
    """
    degrees_of_freedom = len(intervals_ms) - 1
    if degrees_of_freedom < 1:
        raise TooFewBeats("needed: at least 2 intervals")
    mean_ms = math.fsum(intervals_ms) / len(intervals_ms)
    return math.sqrt(math.fsum((each - mean_ms) ** 2 for each in intervals_ms) / degrees_of_freedom)


def summarise(
    intervals_ms: Sequence[float], *, artefact_filter: ArtefactFilter, gap_ms: float = math.inf
) -> BeatSummary:
    """Return rMSSD, SDNN and the counts; artefacts are counted always, and left out by "malik" only.

    What is longer than `gap_ms` is no interval, but a gap: it is counted as an artefact, left out by either filter, and
    no difference bridges it. With "malik" a difference is taken only between two normal intervals that were neighbours
    in the series. Nothing is interpolated.

    Raises:
        TooFewBeats: there are fewer than two intervals, or no two neighbours between gaps (with "malik": normal ones).
    """
    parts = _between_gaps(intervals_ms, gap_ms)
    normal = [find_normal(part) for part in parts]
    match artefact_filter:
        case "off":
            used = [[True] * len(part) for part in parts]
        case "malik":
            used = normal
        case _:
            assert_never(artefact_filter)
    rmssd, sdnn = _of_used(parts, used)
    normal_count = sum(each.count(True) for each in normal)
    return BeatSummary(rmssd, sdnn, beat_count=len(intervals_ms), artefact_count=len(intervals_ms) - normal_count)


def find_normal(intervals_ms: Sequence[float]) -> list[bool]:
    """Tell for each interval whether it is normal; all others are artefacts (ectopic, missed or false beats).

    Normal is what lies in [SHORTEST_MS, LONGEST_MS] and within LARGEST_CHANGE of the preceding normal interval. Not of
    the preceding interval as such: then the beat after an ectopic one would be lost too (hrv-analysis, whose `malik`
    compares neighbours, keeps that beat unchecked instead). The preceding normal one is what Clifford et al. 2002
    (Computers in Cardiology, p. 129) and Machado et al. 2000 (doi 10.1111/j.1542-474x.2000.tb00396.x) compare with.

    One bad interval must not condemn all that follow it, so: the first two neighbours that agree start the series, and
    what came before them is checked backwards from there; and after RESYNCHRONISE_AFTER artefacts in a row, an interval
    that agrees with its neighbour is normal again.
    """
    normal = [False] * len(intervals_ms)
    start = next((at for at, (one, two) in enumerate(pairwise(intervals_ms)) if _agree(one, two)), None)
    if start is None:
        return normal
    reference_ms = intervals_ms[start]
    for at in range(start - 1, -1, -1):
        if _agree(intervals_ms[at], reference_ms):
            normal[at], reference_ms = True, intervals_ms[at]
    reference_ms, artefacts_in_a_row = intervals_ms[start], 0
    for at in range(start, len(intervals_ms)):
        each_ms = intervals_ms[at]
        lost = artefacts_in_a_row >= RESYNCHRONISE_AFTER
        if _agree(reference_ms, each_ms) or (lost and _agree(intervals_ms[at - 1], each_ms)):
            normal[at], reference_ms, artefacts_in_a_row = True, each_ms, 0
        else:
            artefacts_in_a_row += 1
    return normal


def _agree(earlier_ms: float, later_ms: float) -> bool:
    return (
        SHORTEST_MS <= earlier_ms <= LONGEST_MS
        and SHORTEST_MS <= later_ms <= LONGEST_MS
        and abs(later_ms - earlier_ms) <= LARGEST_CHANGE * earlier_ms
    )


def _between_gaps(intervals_ms: Sequence[float], gap_ms: float) -> list[Sequence[float]]:
    ends = [at for at, each_ms in enumerate(intervals_ms) if each_ms > gap_ms]
    starts = [0, *(end + 1 for end in ends)]
    return [intervals_ms[start:end] for start, end in zip(starts, [*ends, len(intervals_ms)], strict=True)]


def _of_used(parts: Sequence[Sequence[float]], used: Sequence[Sequence[bool]]) -> tuple[float, float]:
    differences_ms = (
        later - earlier
        for part, is_used in zip(parts, used, strict=True)
        for (earlier, later), both in zip(pairwise(part), pairwise(is_used), strict=True)
        if all(both)
    )
    kept = [each_ms for part, is_used in zip(parts, used, strict=True) for each_ms in compress(part, is_used)]
    return _root_mean_square(differences_ms), sdnn_ms(kept)


def _root_mean_square(differences_ms: Iterable[float]) -> float:
    squares = [each * each for each in differences_ms]
    if not squares:
        raise TooFewBeats("needed: 2 neighbouring intervals without an artefact")
    return math.sqrt(math.fsum(squares) / len(squares))
