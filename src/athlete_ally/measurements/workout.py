"""Workout: one session of training, with its interval.

Durations in minutes, energy in kcal, distances and ascent in metres, heart rates in beats per minute.
"""

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.quantity import Flags, Quantity, normaliser
from athlete_ally.core.readings.reading import Decoder, Label, NotNegative, Positive, Reading
from athlete_ally.core.readings.record import Record

_SECONDS_PER_MINUTE = 60
# Sources round to the minute.
_ROUNDING_MIN = 1.0

# An interval is at most 48 hours long, which every kind's times are checked for.
DURATION = Quantity("duration_minutes", "duration_min", "minutes", possible=(0, 2880), plausible=(1, 1440))
# Ours, outside of the energy of whole days (Thurber et al. 2019, https://doi.org/10.1126/sciadv.aaw0341).
ENERGY = Quantity("energy_kcal", "energy_kcal", "kcal", possible=(0, 60_000), plausible=(0, 12_000))
DISTANCE = Quantity("distance_meters", "distance_m", "m", possible=(0, 2_000_000), plausible=(0, 500_000))
ASCENT = Quantity("ascent_meters", "ascent_m", "m", possible=(0, 50_000), plausible=(0, 10_000))
# 208 - 0.7 x age is the mean maximum (Tanaka et al. 2001, https://doi.org/10.1016/S0735-1097(00)01054-8), 10 or so the
# standard deviation: 230 is beyond the young; arrhythmias go higher. Possible: ours, far outside.
_POSSIBLE_BPM = (15.0, 350.0)
AVERAGE_BPM = Quantity("average_bpm", "average_bpm", "beats per minute", possible=_POSSIBLE_BPM, plausible=(40, 220))
MAX_BPM = Quantity("max_bpm", "max_bpm", "beats per minute", possible=_POSSIBLE_BPM, plausible=(50, 230))
LOAD = Quantity("load", "load", "", possible=(0, 1e6), plausible=(0, 1e6))
_QUANTITIES = (DURATION, ENERGY, DISTANCE, ASCENT, AVERAGE_BPM, MAX_BPM, LOAD)


class WorkoutReading(Reading, frozen=True, kw_only=True):
    """A workout: what was done (`sport`, the source's own word), from `start` to `end`, and what is known of it.

    `durationMinutes` is the time in motion, where the source takes pauses out. `load` is the source's own (strain,
    training load) and not comparable across sources.
    """

    sport: Label
    duration_minutes: Positive | None = None
    energy_kcal: NotNegative | None = None
    distance_meters: NotNegative | None = None
    ascent_meters: NotNegative | None = None
    average_bpm: Positive | None = None
    max_bpm: Positive | None = None
    load: NotNegative | None = None


class WorkoutRecord(Record, frozen=True, kw_only=True):
    """A row of `workout_data`."""

    sport: str
    duration_min: float | None
    energy_kcal: float | None
    distance_m: float | None
    ascent_m: float | None
    average_bpm: float | None
    max_bpm: float | None
    load: float | None


def problems_of(reading: WorkoutReading) -> list[tuple[str, str]]:
    """Return (field, problem) for rules across fields: a day may hold several workouts."""
    return [] if reading.start is not None else [("start", "needed: a workout has start and end")]


def flags_of(reading: WorkoutReading) -> Flags:
    """Return the flags of what two fields contradict."""
    flags: list[str] = []
    if reading.average_bpm is not None and reading.max_bpm is not None and reading.average_bpm > reading.max_bpm:
        flags.append("average-above-max")
    if reading.duration_minutes is not None and reading.start is not None and reading.end is not None:
        interval_min = (reading.end - reading.start).total_seconds() / _SECONDS_PER_MINUTE
        if reading.duration_minutes > interval_min + _ROUNDING_MIN:
            flags.append("duration-exceeds-interval")
    return tuple(flags)


WORKOUT = Measurement(
    kind="workout",
    title="Workout",
    decoder=Decoder[WorkoutReading].for_type(WorkoutReading, problems_of),
    record_type=WorkoutRecord,
    normalise=normaliser(WorkoutRecord, _QUANTITIES, also=["sport"], flags_of=flags_of),
    overlap="unnamed",
    examples=(
        {
            "userId": "athlete-7",
            "start": "2026-11-20T17:30:00+01:00",
            "end": "2026-11-20T18:24:00+01:00",
            "sport": "running",
            "durationMinutes": 51.5,
            "energyKcal": 612.0,
            "distanceMeters": 10120.0,
            "ascentMeters": 84.0,
            "averageBpm": 148.0,
            "maxBpm": 176.0,
            "capturedAt": "2026-11-20T18:25:00+01:00",
            "source": "polar",
            "context": "workout",
        },
    ),
)
