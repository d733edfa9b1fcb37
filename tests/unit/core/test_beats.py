"""rMSSD and SDNN against two independent libraries on real recordings, and what must hold for every series."""

import hashlib
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.readings import beats
from athlete_ally.core.readings.beats import (
    ArtefactFilter,
    BeatSummary,
    TooFewBeats,
    find_normal,
    rmssd_ms,
    sdnn_ms,
    summarise,
)
from athlete_ally.demo.recordings import Recording, load

# What the libraries compute, stored: they bring 100 MB that nothing else needs.
REFERENCES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "samples" / "hrv_references.json").read_text(encoding="utf-8")
)["recordings"]
RECORDINGS = [pytest.param(recording, id=recording.file) for recording in load()]
FILTERS: list[ArtefactFilter] = ["off", "malik"]

whole_ms = st.integers(300, 2000)
series = st.lists(whole_ms, min_size=2, max_size=60)
# Any two of these are less than 20 % apart, and none is within 20 % of an ectopic one, whichever comes first.
clean_series = st.lists(st.floats(800, 950), min_size=3, max_size=60)
ectopic = st.floats(300, 630) | st.floats(1250, 2000)


@pytest.mark.parametrize("library", ["neurokit2", "hrv-analysis"])
@pytest.mark.parametrize("recording", RECORDINGS)
def test_two_libraries_agree(recording: Recording, library: str) -> None:
    """
    On every bundled recording rMSSD and SDNN are those of an independent library, to 1e-6 relative.
    """
    reference = REFERENCES[recording.file]
    intervals = json.dumps(recording.intervals_ms).encode()
    assert reference["sha256"] == hashlib.sha256(intervals).hexdigest(), (
        "make it again: scripts/build_hrv_references.py"
    )
    summary = summarise(recording.intervals_ms, artefact_filter="off")
    assert pytest.approx(reference[library]["rmssd_ms"], rel=1e-6) == summary.rmssd_ms
    assert pytest.approx(reference[library]["sdnn_ms"], rel=1e-6) == summary.sdnn_ms


def test_examples_computed_by_hand() -> None:
    """
    Differences 10, -20, 10 give the root of 200; deviations 0, 10, -10, 0 give the root of 200 / 3.
    """
    assert pytest.approx(math.sqrt(200)) == rmssd_ms([800, 810, 790, 800])
    assert pytest.approx(math.sqrt(200 / 3)) == sdnn_ms([800, 810, 790, 800])


def test_an_early_beat_and_its_pause_are_left_out() -> None:
    """
    With "malik" neither of the two counts, and no difference bridges the gap that they leave.
    """
    summary = summarise([800, 810, 500, 1100, 790, 800], artefact_filter="malik")
    assert BeatSummary(10.0, math.sqrt(200 / 3), beat_count=6, artefact_count=2) == summary


@pytest.mark.parametrize(
    ("intervals_ms", "expected"),
    [
        pytest.param([1000, 1200, 960], "nnn", id="exactly 20 % is normal"),
        pytest.param([1000, 1000, 1201, 1000, 799, 1000], "nnanan", id="more is not"),
        pytest.param([400, 800, 810, 790], "annn", id="a bad first interval"),
        pytest.param([800, 400, 1200, 800, 810], "naann", id="a bad second one: the first is checked backwards"),
        pytest.param([800, 810, 790, 400], "nnna", id="a bad last one"),
        pytest.param([800, 810, 420, 430, 440, 790, 800], "nnaaann", id="a short run of ectopic beats"),
        pytest.param([1000] * 3 + [600] * 8, "nnnaaaaannn", id="the heart rate jumped and stays"),
        pytest.param([1000] * 3 + [500, 700, 500, 700, 500, 700, 990], "nnnaaaaaan", id="a long disturbance"),
        pytest.param([299, 299, 300, 300, 310], "aannn", id="shorter than possible"),
        pytest.param([2001, 2001, 2000, 2000], "aann", id="longer than possible"),
        pytest.param([500, 900, 500, 900], "aaaa", id="no two neighbours agree"),
        pytest.param([800], "a", id="nothing to compare with"),
        pytest.param([], "", id="nothing at all"),
    ],
)
def test_what_is_normal(intervals_ms: list[float], expected: str) -> None:
    """
    Each interval is told normal (n) or artefact (a) as the rule says.
    """
    assert expected == "".join("n" if normal else "a" for normal in find_normal(intervals_ms))


@pytest.mark.parametrize("recording", RECORDINGS)
def test_when_to_resynchronise_hardly_matters(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    On every bundled recording any number from 3 to 10 gives the same rMSSD within 0.2 ms.
    """
    found: list[float] = []
    for number in range(3, 11):
        monkeypatch.setattr(beats, "RESYNCHRONISE_AFTER", number)
        found.append(summarise(recording.intervals_ms, artefact_filter="malik").rmssd_ms)
    assert max(found) - min(found) < 0.2


@pytest.mark.parametrize("artefact_filter", FILTERS)
@pytest.mark.parametrize("intervals_ms", [[], [800]])
def test_too_few(intervals_ms: list[float], artefact_filter: ArtefactFilter) -> None:
    """
    Fewer than two intervals are refused by everything, with an error that is a ValueError.
    """
    with pytest.raises(TooFewBeats):
        summarise(intervals_ms, artefact_filter=artefact_filter)
    with pytest.raises(ValueError, match="neighbouring intervals"):
        rmssd_ms(intervals_ms)
    with pytest.raises(ValueError, match="at least 2"):
        sdnn_ms(intervals_ms)


def test_nothing_normal() -> None:
    """
    Where no two neighbours are normal, "malik" refuses; "off" computes, and counts all as artefacts.
    """
    intervals_ms = [500.0, 900.0, 500.0]
    with pytest.raises(TooFewBeats):
        summarise(intervals_ms, artefact_filter="malik")
    assert summarise(intervals_ms, artefact_filter="off").artefact_count == 3


@given(series, st.integers(-200, 200))
def test_a_constant_added_changes_nothing(intervals_ms: list[int], added_ms: int) -> None:
    """
    A constant added to all intervals changes neither rMSSD nor SDNN.
    """
    moved = [each + added_ms for each in intervals_ms]
    assert rmssd_ms(intervals_ms) == rmssd_ms(moved)
    assert pytest.approx(sdnn_ms(intervals_ms), abs=1e-9) == sdnn_ms(moved)


@given(series, st.floats(0.1, 10))
def test_both_scale_with_the_unit(intervals_ms: list[int], factor: float) -> None:
    """
    Intervals in another unit give rMSSD and SDNN in that unit.
    """
    scaled = [each * factor for each in intervals_ms]
    assert pytest.approx(rmssd_ms(intervals_ms) * factor, rel=1e-9, abs=1e-9) == rmssd_ms(scaled)
    assert pytest.approx(sdnn_ms(intervals_ms) * factor, rel=1e-9, abs=1e-9) == sdnn_ms(scaled)


@given(series, st.data())
def test_order(intervals_ms: list[int], data: st.DataObject) -> None:
    """
    SDNN doesn't depend on the order of the intervals; rMSSD is the same forwards and backwards.
    """
    shuffled = data.draw(st.permutations(intervals_ms))
    assert sdnn_ms(intervals_ms) == sdnn_ms(shuffled)
    assert rmssd_ms(intervals_ms) == rmssd_ms(intervals_ms[::-1])


@given(st.lists(st.floats(1, 10_000), min_size=2, max_size=60))
def test_off_uses_all_intervals(intervals_ms: list[float]) -> None:
    """
    With "off" the results are those of all intervals, artefacts or not, and the artefacts are counted as with "malik".
    """
    summary = summarise(intervals_ms, artefact_filter="off")
    assert (rmssd_ms(intervals_ms), sdnn_ms(intervals_ms)) == (summary.rmssd_ms, summary.sdnn_ms)
    assert (len(intervals_ms), find_normal(intervals_ms).count(False)) == (summary.beat_count, summary.artefact_count)


@given(clean_series)
def test_a_clean_series_stays_whole(intervals_ms: list[float]) -> None:
    """
    Where each interval is within 20 % of the one before, nothing is an artefact and the filter changes nothing.
    """
    summary = summarise(intervals_ms, artefact_filter="malik")
    assert summary.artefact_count == 0
    assert summary == summarise(intervals_ms, artefact_filter="off")


@given(clean_series, ectopic, st.data())
def test_one_ectopic_beat_is_taken_out_alone(intervals_ms: list[float], stray_ms: float, data: st.DataObject) -> None:
    """
    One ectopic interval anywhere in a clean series is counted; "malik" gives the SDNN of the series without it, and the
    rMSSD of its differences but the one that would bridge the gap.
    """
    at = data.draw(st.integers(0, len(intervals_ms)))
    summary = summarise([*intervals_ms[:at], stray_ms, *intervals_ms[at:]], artefact_filter="malik")
    differences = [later - earlier for here, (earlier, later) in enumerate(pairwise(intervals_ms), 1) if here != at]
    assert summary.artefact_count == 1
    assert sdnn_ms(intervals_ms) == summary.sdnn_ms
    assert pytest.approx(math.sqrt(math.fsum(each**2 for each in differences) / len(differences))) == summary.rmssd_ms


@given(st.lists(st.floats(1, 10_000), max_size=60))
def test_what_is_kept_was_compared(intervals_ms: list[float]) -> None:
    """
    Every normal interval is in the plausible range, and two neighbours that are both normal are within 20 %.
    """
    normal = find_normal(intervals_ms)
    assert len(intervals_ms) == len(normal)
    assert all(300 <= each <= 2000 for each, is_normal in zip(intervals_ms, normal, strict=True) if is_normal)
    for (earlier, later), both in zip(pairwise(intervals_ms), pairwise(normal), strict=len(normal) > 0):
        assert not all(both) or abs(later - earlier) <= 0.2 * earlier
