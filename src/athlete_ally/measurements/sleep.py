"""Sleep: how long a person slept, when, and in which stages.

Minutes throughout. Stage names are those of the American Academy of Sleep Medicine's manual as wearables use them:
awake, light (N1 and N2), deep (N3), rem. Scores are the vendor's own and not comparable across sources.
"""

import msgspec

from athlete_ally.core.errors import InvalidReading
from athlete_ally.core.readings.measurement import Measurement, Rules
from athlete_ally.core.readings.reading import Decoder, NotNegative, Percent, Positive, Reading
from athlete_ally.core.readings.record import Arrival, Record, common_columns

MINUTES_PER_DAY = 1440.0
# Adults need 7 to 9 hours (Hirshkowitz et al. 2015, Sleep Health 1:40-43); 16 in one stretch is worth a second look.
PLAUSIBLE_ASLEEP_MIN = (30.0, 960.0)
# Vendors round each stage to the minute, or to half a minute.
ROUNDING_MIN = 3.0


class SleepStages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Minutes in each stage; what the sender does not know is left out."""

    awake: NotNegative | None = None
    light: NotNegative | None = None
    deep: NotNegative | None = None
    rem: NotNegative | None = None


class SleepReading(Reading, frozen=True, kw_only=True):
    """A sleep reading: `durationMinutes` asleep, and what else the sender knows.

    `efficiency` is per cent (asleep of time in bed); `qualityScore` is the source's own, 0 to 100.
    """

    duration_minutes: Positive
    stages: SleepStages | None = None
    efficiency: Percent | None = None
    quality_score: Percent | None = None


class SleepRecord(Record, frozen=True, kw_only=True):
    """A row of `sleep_data`."""

    asleep_min: float
    awake_min: float | None
    light_min: float | None
    deep_min: float | None
    rem_min: float | None
    efficiency_percent: float | None
    quality_score: float | None


def normalise(reading: SleepReading, arrival: Arrival, index: int, _rules: Rules) -> SleepRecord:
    """Turn one raw reading into a record.

    Raises:
        InvalidReading: a value is impossible; its text names the field and the limit.
    """
    columns = common_columns(reading, arrival, index)
    asleep_min = _within_a_day(reading.duration_minutes, "durationMinutes")
    stages = reading.stages or SleepStages()
    minutes: dict[str, float | None] = {name: getattr(stages, name) for name in _STAGES}
    _within_a_day(sum(value or 0.0 for value in minutes.values()), "stages", unit="minutes in total")
    columns["quality_flags"] += _flags(reading, asleep_min, minutes)
    return SleepRecord(
        **columns,
        asleep_min=asleep_min,
        awake_min=minutes["awake"],
        light_min=minutes["light"],
        deep_min=minutes["deep"],
        rem_min=minutes["rem"],
        efficiency_percent=reading.efficiency,
        quality_score=reading.quality_score,
    )


_STAGES = ("awake", "light", "deep", "rem")


def _within_a_day(minutes: float, field: str, unit: str = "minutes") -> float:
    if minutes > MINUTES_PER_DAY:
        raise InvalidReading(field, f"not in [0, {MINUTES_PER_DAY:g}] {unit}")
    return minutes


def _flags(reading: SleepReading, asleep_min: float, minutes: dict[str, float | None]) -> tuple[str, ...]:
    flags: list[str] = []
    if not PLAUSIBLE_ASLEEP_MIN[0] <= asleep_min <= PLAUSIBLE_ASLEEP_MIN[1]:
        flags.append("duration-implausible")
    stages_min = sum(minutes[name] or 0.0 for name in ("light", "deep", "rem"))
    if stages_min > asleep_min + ROUNDING_MIN:
        flags.append("stages-exceed-duration")
    if reading.start is not None and reading.end is not None:
        in_bed_min = (reading.end - reading.start).total_seconds() / 60
        if asleep_min > in_bed_min + ROUNDING_MIN:
            flags.append("duration-exceeds-interval")
    return tuple(flags)


SLEEP = Measurement(
    kind="sleep",
    title="Sleep",
    decoder=Decoder[SleepReading].for_type(SleepReading),
    record_type=SleepRecord,
    normalise=normalise,
    overlap="always",
    examples=(
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "durationMinutes": 447.0,
            "capturedAt": "2026-11-20T07:02:00+01:00",
            "source": "oura",
            "context": "overnight",
        },
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "start": "2026-11-19T22:58:00+01:00",
            "end": "2026-11-20T06:49:00+01:00",
            "durationMinutes": 441.0,
            "stages": {"awake": 30.0, "light": 251.0, "deep": 83.0, "rem": 107.0},
            "efficiency": 93.6,
            "qualityScore": 84.0,
            "capturedAt": "2026-11-20T06:52:00+01:00",
            "source": "whoop",
            "context": "overnight",
        },
    ),
)
