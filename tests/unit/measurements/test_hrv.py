"""The limits and flags of HRV, to the last digit."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.beats import ArtefactFilter
from athlete_ally.core.readings.measurement import Rules
from athlete_ally.core.readings.record import Arrival
from athlete_ally.measurements.hrv import HRV, MAX_INTERVAL_MS, HrvReading, HrvRecord

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ARRIVAL = Arrival(message_id="m1", stream_sequence=7, received_at=NOW)


def normalise(artefact_filter: ArtefactFilter = "off", **values: Any) -> HrvRecord:
    """Return the record of a reading with these values."""
    reading = HrvReading(user_id="someone", captured_at=NOW, day=NOW.date(), **values)
    record = HRV.normalise(reading, ARRIVAL, 0, Rules(artefact_filter=artefact_filter))
    assert isinstance(record, HrvRecord)
    return record


def of(field: str, value: float) -> HrvRecord:
    """Return the record of a reading with this rMSSD or SDNN."""
    return normalise(rmssd=value) if field == "rmssd" else normalise(sdnn=value)


@pytest.mark.parametrize(("rmssd", "ln_rmssd"), [(42, 3.73767), (55, 4.00733), (62, 4.12713), (1, 0), (300, 5.70378)])
def test_ln_rmssd_is_the_natural_logarithm(rmssd: float, ln_rmssd: float) -> None:
    """
    The numbers that were promised come out, to five decimal places.
    """
    assert ln_rmssd == round(normalise(rmssd=rmssd).ln_rmssd or 0.0, 5)


@pytest.mark.parametrize(("field", "limit"), [("rmssd", 300.0), ("sdnn", 500.0)])
def test_the_limits_are_exact(field: str, limit: float) -> None:
    """
    The limit itself is possible; the next number above is refused, in words without it.
    """
    assert of(field, limit)
    with pytest.raises(InvalidReading) as refused:
        of(field, math.nextafter(limit, math.inf))
    assert f"{field}: not in (0, {limit:g}] ms" == str(refused.value)


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ({"rmssd": 5.0}, ()),
        ({"rmssd": 4.99}, ("rmssd-implausible",)),
        ({"rmssd": 200.0}, ()),
        ({"rmssd": 200.01}, ("rmssd-implausible",)),
        ({"sdnn": 300.0}, ()),
        ({"sdnn": 300.01, "rmssd": 1.0}, ("rmssd-implausible", "sdnn-implausible")),
    ],
)
def test_the_implausible_is_flagged_and_kept(values: dict[str, float], flags: tuple[str, ...]) -> None:
    """
    Flags begin just outside what is plausible, and change no number.
    """
    record = normalise(rmssd=values.get("rmssd"), sdnn=values.get("sdnn"))

    assert (flags, values.get("rmssd")) == (record.quality_flags, record.rmssd_ms)


@pytest.mark.parametrize(
    ("artefacts", "flags"),
    [(0, ()), (5, ("artefacts-present",)), (6, ("artefacts-present", "artefact-share-high"))],
)
def test_the_share_of_artefacts_is_flagged_above_five_per_cent(artefacts: int, flags: tuple[str, ...]) -> None:
    """
    5 of 100 beats are edited data; 6 are too many to rely on.
    """
    beats = [800.0 + 20 * (number % 2) for number in range(100)]
    for number in range(artefacts):
        beats[10 + 10 * number] = 400.0
    record = normalise(rmssd=20.0, rr_intervals=tuple(beats))

    assert (artefacts, flags) == (
        record.artefact_count,
        tuple(flag for flag in record.quality_flags if flag.startswith("artefact")),
    )


@pytest.mark.parametrize(("beats", "is_few"), [(49, True), (50, False)])
def test_few_beats_are_flagged(beats: int, is_few: bool) -> None:  # noqa: FBT001  # a case, not a switch
    """
    Below 50 beats there is less than a minute of data.
    """
    record = normalise(rr_intervals=tuple(800.0 + number % 2 * 20 for number in range(beats)))

    assert is_few == ("few-beats" in record.quality_flags)


def test_a_beat_that_never_came_is_refused_by_its_place() -> None:
    """
    Ten seconds is the limit, and the refusal says which interval passes it.
    """
    assert normalise(rr_intervals=(800.0, MAX_INTERVAL_MS, 810.0), rmssd=40.0, sdnn=40.0)
    with pytest.raises(InvalidReading, match=r"^rrIntervals\[1\]: not in \(0, 10000\] ms"):
        normalise(rr_intervals=(800.0, MAX_INTERVAL_MS + 0.001, 810.0), rmssd=40.0)


def test_the_filter_in_force_is_on_record() -> None:
    """
    Without intervals there was nothing to filter; with them the record says by which rule, and keeps them all.
    """
    beats = (800.0, 810.0, 630.0, 980.0, 790.0, 800.0)
    off, malik = normalise("off", rr_intervals=beats), normalise("malik", rr_intervals=beats)

    assert (normalise(rmssd=40.0).artefact_filter, off.artefact_filter, malik.artefact_filter) == (None, "off", "malik")
    assert (beats, beats, 2, 2) == (
        off.rr_intervals_ms,
        malik.rr_intervals_ms,
        off.artefact_count,
        malik.artefact_count,
    )
    assert (malik.rmssd_ms or 0) < (off.rmssd_ms or 0)


@given(st.floats(0.001, 300), st.floats(0.001, 500))
def test_what_was_stated_is_stored(rmssd: float, sdnn: float) -> None:
    """
    A stated number is never replaced by one of ours, and rMSSD and SDNN never change places.
    """
    record = normalise(rmssd=rmssd, sdnn=sdnn)

    assert (rmssd, sdnn, math.log(rmssd)) == (record.rmssd_ms, record.sdnn_ms, record.ln_rmssd)


@given(st.floats(301, 1e9), st.text("0123456789abcdef", min_size=12, max_size=12))
def test_a_refusal_names_neither_person_nor_number(rmssd: float, user: str) -> None:
    """
    Its text is the same for every person and every value.
    """
    reading = HrvReading(user_id=user, captured_at=NOW, day=NOW.date(), rmssd=rmssd)
    with pytest.raises(InvalidReading) as refused:
        HRV.normalise(reading, ARRIVAL, 0, Rules())

    assert str(refused.value) == "rmssd: not in (0, 300] ms"


def test_a_gap_costs_itself_and_no_difference_bridges_it() -> None:
    """
    A strap that lost contact for a while: rMSSD and SDNN are those of the parts, all intervals stay, and it is flagged.
    """
    beats = [800.0 + 20 * (number % 2) for number in range(60)]
    whole = normalise(rr_intervals=tuple(beats))
    cut = normalise(rr_intervals=(*beats[:30], 65_000.0, *beats[30:]))

    assert (whole.sdnn_ms, 61, 1) == (cut.sdnn_ms, cut.beat_count, cut.artefact_count)
    assert (cut.rmssd_ms, cut.quality_flags) == (20.0, ("artefacts-present", "gaps-present"))
    assert cut.rr_intervals_ms is not None
    assert cut.rr_intervals_ms[30] == 65_000.0


def test_a_recording_that_is_mostly_gaps_has_a_wrong_unit() -> None:
    """
    Microseconds are not milliseconds: refused by the place of the first.
    """
    with pytest.raises(InvalidReading, match=r"^rrIntervals\[0\]: not in \(0, 10000\] ms"):
        normalise(rr_intervals=(800_000.0, 810_000.0, 805_000.0, 800.0, 810.0))


def test_artefacts_that_make_the_result_impossible_are_left_out() -> None:
    """
    Few missed beats push rMSSD over its limit: the result is that of the normal ones, the record says by which filter,
    and where most intervals are artefacts nothing is stored.
    """
    beats = [800.0 + 20 * (number % 2) for number in range(100)]
    beats[40], beats[70] = 8000.0, 5000.0
    record = normalise(rr_intervals=tuple(beats))

    assert (record.rmssd_ms, record.artefact_filter, record.artefact_count) == (20.0, "malik", 2)
    assert record.quality_flags == ("artefacts-present", "artefacts-left-out")
    with pytest.raises(InvalidReading, match=r"^rrIntervals: rmssd: not in \(0, 300\] ms"):
        normalise(rr_intervals=(800.0, 3000.0, 900.0, 5000.0, 700.0, 2500.0) * 4 + (800.0, 820.0))
