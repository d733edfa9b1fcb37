"""Samples: time series (heart rate, steps, ...), many points in a reading, each point a row.

A reading is a run of points of one `code`, so that a day of heart rates costs a few bytes a point on its way, and not
two hundred. Each code has one unit (UCUM, https://ucum.org), which the sender names too: a mistake is seen at once.
"""

from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Annotated, Literal

import msgspec

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.reading import Decoder, Label, NotNegative, Positive, Reading
from athlete_ally.core.readings.record import Arrival, common_columns
from athlete_ally.core.readings.sample_batch import SampleBatch

Code = Literal[
    "heart_rate",
    "rmssd",
    "respiratory_rate",
    "spo2",
    "body_temperature",
    "systolic_pressure",
    "diastolic_pressure",
    "blood_glucose",
    "steps",
    "floors",
    "distance",
    "cycling_distance",
    "swimming_distance",
    "active_energy",
    "basal_energy",
    "power",
    "cadence",
    "speed",
    "altitude",
]


@dataclass(frozen=True, slots=True)
class Sort:
    """What the points of a code are: unit, LOINC code where one fits, and ranges (bounds included).

    `possible` is what a number in this unit can be, a sensor without contact included (a heart rate of 0): a point
    beyond it is left out, and where half are, the unit is wrong, which concerns the whole run. `plausible` is what a
    body does; others are stored and marked. What `adds_up` is an amount: the total of points is meant, not their mean.
    """

    unit: str
    loinc: str | None
    possible: tuple[float, float]
    plausible: tuple[float, float]
    adds_up: bool = False


# LOINC: https://hl7.org/fhir/R4/observation-vitalsigns.html for vital signs, https://loinc.org for others. Ranges are
# ours; those of quantities that are kinds too are explained there.
SORTS: dict[Code, Sort] = {
    "heart_rate": Sort("/min", "8867-4", (0, 350), (25, 230)),
    # Of the minutes at each point, hence noisier than a night's: plausible is what `measurements.hrv` takes for it.
    "rmssd": Sort("ms", None, (0, 1000), (5, 200)),
    "respiratory_rate": Sort("/min", "9279-1", (0, 200), (4, 70)),
    "spo2": Sort("%", "59408-5", (0, 100), (70, 100)),
    "body_temperature": Sort("Cel", "8310-5", (0, 50), (32, 43)),
    "systolic_pressure": Sort("mm[Hg]", "8480-6", (0, 400), (60, 260)),
    "diastolic_pressure": Sort("mm[Hg]", "8462-4", (0, 300), (30, 160)),
    "blood_glucose": Sort("mmol/L", "15074-8", (0, 100), (2, 30)),
    "steps": Sort("{steps}", "55423-8", (0, 300_000), (0, 100_000), adds_up=True),
    "floors": Sort("{floors}", None, (0, 10_000), (0, 1000), adds_up=True),
    "distance": Sort("m", None, (0, 2_000_000), (0, 500_000), adds_up=True),
    "cycling_distance": Sort("m", None, (0, 2_000_000), (0, 500_000), adds_up=True),
    "swimming_distance": Sort("m", None, (0, 2_000_000), (0, 500_000), adds_up=True),
    "active_energy": Sort("kcal", None, (0, 30_000), (0, 10_000), adds_up=True),
    "basal_energy": Sort("kcal", None, (0, 30_000), (0, 5000), adds_up=True),
    "power": Sort("W", None, (0, 10_000), (0, 2500)),
    "cadence": Sort("/min", None, (0, 1000), (0, 300)),
    "speed": Sort("m/s", None, (0, 400), (0, 40)),
    "altitude": Sort("m", None, (-1000, 20_000), (-450, 9000)),
}

MOST_POINTS = 10_000
# Devices keep milliseconds; a point that ends a rounding after its interval is no mistake.
_ROUNDING_S = 0.002

Value = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
_Many = msgspec.Meta(min_length=1, max_length=MOST_POINTS)


class SamplesReading(Reading, frozen=True, kw_only=True):
    """A run of points of one series, from `start` to `end`.

    Points are `intervalSeconds` apart, the first one at `start`, or at `offsetsSeconds` after it. `lastsSeconds` says
    how long each one covers, for what adds up (steps, energy); without it a point is an instant.
    """

    code: Code
    unit: Label
    values: Annotated[tuple[Value, ...], _Many]
    interval_seconds: Positive | None = None
    offsets_seconds: Annotated[tuple[NotNegative, ...], _Many] | None = None
    lasts_seconds: Annotated[tuple[NotNegative, ...], _Many] | None = None


def problems_of(reading: SamplesReading) -> list[tuple[str, str]]:
    """Return (field, problem) for rules across fields."""
    problems: list[tuple[str, str]] = []
    unit = SORTS[reading.code].unit
    if reading.unit != unit:
        problems.append(("unit", f"{reading.code} is in {unit} (UCUM)"))
    if (reading.interval_seconds is None) == (reading.offsets_seconds is None) and len(reading.values) > 1:
        problems.append(("offsetsSeconds", "needed: either intervalSeconds or offsetsSeconds"))
    for name, each in (("offsetsSeconds", reading.offsets_seconds), ("lastsSeconds", reading.lasts_seconds)):
        if each is not None and len(each) != len(reading.values):
            problems.append((name, f"{len(each)} of them for {len(reading.values)} values"))
    return problems or _problems_of_time(reading)


def _problems_of_time(reading: SamplesReading) -> list[tuple[str, str]]:
    if reading.start is None or reading.end is None:
        return [("start", "needed: a run has start and end")]
    offsets_s = _offsets_s(reading)
    if any(later <= earlier for earlier, later in pairwise(offsets_s)):
        return [("offsetsSeconds", "must be increasing, by at least a millisecond from point to point")]
    lasts_s = reading.lasts_seconds[-1] if reading.lasts_seconds else 0.0
    if offsets_s[-1] + lasts_s > (reading.end - reading.start).total_seconds() + _ROUNDING_S:
        return [("end", "must be at or after the end of the last point")]
    return []


def normalise(reading: SamplesReading, arrival: Arrival, index: int, _rules: Rules) -> SampleBatch:
    """Turn a run of raw points into a record; an impossible value among others is left out, and the run is flagged.

    Raises:
        InvalidReading: half of the values or more are impossible; its text names the first one's place and the limit.
    """
    columns = common_columns(reading, arrival, index)
    sort = SORTS[reading.code]
    is_possible = _possible(reading.values, sort)
    values, offsets_s = tuple(compress(reading.values, is_possible)), tuple(compress(_offsets_s(reading), is_possible))
    low, high = sort.plausible
    plausible = tuple(low <= value <= high for value in values)
    if len(values) < len(reading.values):
        columns["quality_flags"] += ("points-impossible",)
    if not all(plausible):
        columns["quality_flags"] += ("points-implausible",)
    return SampleBatch(
        **columns,
        code=reading.code,
        unit=sort.unit,
        loinc=sort.loinc,
        offsets_s=offsets_s,
        lasts_s=None if reading.lasts_seconds is None else tuple(compress(reading.lasts_seconds, is_possible)),
        values=values,
        plausible=plausible,
    )


def _possible(values: tuple[float, ...], sort: Sort) -> list[bool]:
    """Tell for each value whether it is possible.

    Raises:
        InvalidReading: half are not, or more: the unit is wrong, which concerns them all.
    """
    lowest, highest = sort.possible
    possible = [lowest <= value <= highest for value in values]
    if 2 * possible.count(False) >= len(values):
        raise InvalidReading(f"values[{possible.index(False)}]", f"not in [{lowest:g}, {highest:g}] {sort.unit}")
    return possible


def _offsets_s(reading: SamplesReading) -> tuple[float, ...]:
    """Return the offsets to the millisecond: what is sent again in another form is the same instant."""
    if reading.offsets_seconds is not None:
        return tuple(round(offset, 3) for offset in reading.offsets_seconds)
    step_s = reading.interval_seconds or 0.0
    return tuple(round(number * step_s, 3) for number in range(len(reading.values)))


SAMPLES = Measurement(
    kind="samples",
    title="Time series",
    decoder=Decoder[SamplesReading].for_type(SamplesReading, problems_of),
    record_type=SampleBatch,
    normalise=normalise,
    examples=(
        {
            "userId": "athlete-7",
            "start": "2026-11-20T07:00:00+01:00",
            "end": "2026-11-20T07:05:00+01:00",
            "code": "heart_rate",
            "unit": "/min",
            "values": [61.0, 63.0, 62.0, 60.0],
            "offsetsSeconds": [0.0, 4.0, 9.5, 247.0],
            "capturedAt": "2026-11-20T07:05:00+01:00",
            "source": "apple-health",
            "device": "Apple Watch",
        },
        {
            "userId": "athlete-7",
            "start": "2026-11-20T08:00:00+01:00",
            "end": "2026-11-20T08:15:00+01:00",
            "code": "steps",
            "unit": "{steps}",
            "values": [112.0, 98.0, 0.0],
            "intervalSeconds": 300.0,
            "lastsSeconds": [300.0, 300.0, 300.0],
            "capturedAt": "2026-11-20T08:16:00+01:00",
            "source": "fitbit",
        },
    ),
    bulky=frozenset({"raw", "offsets_s", "lasts_s", "values", "plausible"}),
)
