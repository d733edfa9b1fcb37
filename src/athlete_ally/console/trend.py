"""The trend of a person's heart-rate variability: daily lnRMSSD, its 7-day mean, and the person's normal band. Pure.

A single day says little, since it varies by a tenth or more in everyone; the 7-day mean of lnRMSSD follows training
(Plews et al. 2013, Sports Med 43:773-781). A change of that mean is worth attention when it passes the smallest
worthwhile change, half a standard deviation of the person's own daily values (the same, and Plews et al. 2012, Eur J
Appl Physiol 112:3729-3741).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean, stdev

MEAN_DAYS = 7
# Plews et al. 2014 (Int J Sports Physiol Perform 9:783-790): three valid days represent a week.
FEWEST_FOR_MEAN = 3
# Four weeks before the day itself: long enough for a spread, short enough to follow a season. A choice of ours.
BAND_DAYS = 28
FEWEST_FOR_BAND = 14
SMALLEST_WORTHWHILE_SD = 0.5


@dataclass(frozen=True, slots=True)
class DayValue:
    """The lnRMSSD of one local day, from one source and context."""

    day: date
    ln_rmssd: float
    source: str
    context: str


@dataclass(frozen=True, slots=True)
class TrendDay:
    """One day of the trend; unknown values are None. The band is (lower, upper)."""

    day: date
    ln_rmssd: float | None
    mean: float | None
    band: tuple[float, float] | None

    @property
    def is_outside(self) -> bool:
        """Tell whether the 7-day mean has left the person's normal band."""
        return self.mean is not None and self.band is not None and not self.band[0] <= self.mean <= self.band[1]


def main_series(values: Iterable[DayValue]) -> tuple[DayValue, ...]:
    """Return the values of the source and context with the most days; others are not comparable."""
    values = tuple(values)
    if not values:
        return ()
    (chosen, _), *_ = Counter((each.source, each.context) for each in values).most_common(1)
    return tuple(each for each in values if (each.source, each.context) == chosen)


def trend(values: Sequence[DayValue], last: date, days: int) -> tuple[TrendDay, ...]:
    """Return the trend of the `days` days up to `last`; several values of one day are averaged."""
    by_day: dict[date, list[float]] = {}
    for each in values:
        by_day.setdefault(each.day, []).append(each.ln_rmssd)
    daily = {day: fmean(found) for day, found in by_day.items()}
    shown = [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    return tuple(TrendDay(day, daily.get(day), _mean(daily, day), _band(daily, day)) for day in shown)


def _mean(daily: dict[date, float], day: date) -> float | None:
    found = _within(daily, day, MEAN_DAYS)
    return fmean(found) if len(found) >= FEWEST_FOR_MEAN else None


def _band(daily: dict[date, float], day: date) -> tuple[float, float] | None:
    found = _within(daily, day - timedelta(days=1), BAND_DAYS)
    if len(found) < FEWEST_FOR_BAND:
        return None
    middle, half = fmean(found), SMALLEST_WORTHWHILE_SD * stdev(found)
    return middle - half, middle + half


def _within(daily: dict[date, float], last: date, days: int) -> list[float]:
    """Return the values of the `days` days that end with `last`."""
    wanted = (last - timedelta(days=back) for back in range(days))
    return [daily[day] for day in wanted if day in daily]
