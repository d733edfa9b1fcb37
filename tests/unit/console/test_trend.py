"""lnRMSSD day by day, its 7-day mean and the normal band."""

import math
from datetime import date, timedelta
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.console.trend import DayValue, TrendDay, main_series, trend
from athlete_ally.console.trend_chart import HEIGHT, WIDTH, draw

TODAY = date(2026, 11, 24)


def values(*ln_rmssd: float | None) -> list[DayValue]:
    """Return a value for each of the last days, today's last; None leaves a day out."""
    first = TODAY - timedelta(days=len(ln_rmssd) - 1)
    return [
        DayValue(first + timedelta(days=number), each, "oura", "overnight")
        for number, each in enumerate(ln_rmssd)
        if each is not None
    ]


def today(*ln_rmssd: float | None) -> TrendDay:
    """Return today's entry of the trend of these values."""
    return trend(values(*ln_rmssd), TODAY, 42)[-1]


def test_the_mean_is_that_of_seven_calendar_days() -> None:
    """
    The mean takes today and the six days before, whether or not each has a value; an eighth has no part in it.
    """
    found = today(9.0, 3.0, 4.0, None, 4.2, None, 4.4, 3.8)

    assert found.mean == pytest.approx(fmean((3.0, 4.0, 4.2, 4.4, 3.8)))


def test_two_days_make_no_mean() -> None:
    """
    With fewer than three values in seven days there is no mean: it would be those days, and not a trend.
    """
    assert today(4.0, 4.0).mean is None
    assert today(4.0, 4.0, 4.0).mean == pytest.approx(4.0)


def test_the_band_is_half_a_standard_deviation_around_the_four_weeks_before() -> None:
    """
    The band comes from the 28 days before the day itself, as mean and 0.5 SD; the day has no part in it.
    """
    before = [3.8 + 0.01 * number for number in range(28)]
    found = today(9.9, *before, 2.0)
    middle, half = fmean(before), 0.5 * stdev(before)

    assert found.band == pytest.approx((middle - half, middle + half))


def test_thirteen_days_make_no_band() -> None:
    """
    With fewer than fourteen values before a day it has no band, and is not outside of it.
    """
    assert today(*([4.0] * 13), 1.0).band is None
    assert not today(*([4.0] * 13), 1.0).is_outside


def test_a_mean_that_leaves_the_band_is_marked() -> None:
    """
    A week well below a person's usual values is outside the band; one as always is not.
    """
    usual = [4.0, 4.1, 3.9, 4.0] * 7
    assert today(*usual, *([3.2] * 7)).is_outside
    assert not today(*usual, 4.0, 4.1, 3.9, 4.0, 4.0, 4.1, 3.9).is_outside


def test_only_what_can_be_compared_is_one_series() -> None:
    """
    Of several sources and contexts the one with the most days is shown, and not mixed with others.
    """
    other = [DayValue(TODAY, 5.0, "polar", "morning")]

    assert main_series([*values(4.0, 4.1), *other]) == tuple(values(4.0, 4.1))
    assert main_series([]) == ()


def test_two_values_of_a_day_count_as_their_mean() -> None:
    """
    A day that was measured twice has the weight of one day.
    """
    twice = [*values(4.0, 4.0), DayValue(TODAY, 5.0, "oura", "overnight")]

    assert trend(twice, TODAY, 2)[-1].ln_rmssd == pytest.approx(4.5)


@given(st.lists(st.none() | st.floats(math.log(1), math.log(300)), max_size=60))
def test_the_drawing_stays_inside(ln_rmssd: list[float | None]) -> None:
    """
    Whatever the values, every dot is inside the drawing, once for each day that has one.
    """
    days = trend(values(*ln_rmssd), TODAY, 42)
    chart = draw(days)
    shown = sum(each.ln_rmssd is not None for each in days)

    assert (chart is None) == (shown == 0)
    if chart is not None:
        assert len(chart.dots) == shown
        assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in chart.dots)
