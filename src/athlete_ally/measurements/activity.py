"""Activity: the summary of a day. Each number is the source's own; sources count steps and energy differently.

Energy is split as all vendors do: what moving took (`active`), and with the basal metabolism (`total`). Intensities are
light, moderate and vigorous as in the WHO's guidelines (https://www.who.int/publications/i/item/9789240015128).
"""

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.quantity import Flags, Quantity, at_least_one, normaliser
from athlete_ally.core.readings.reading import Decoder, NotNegative, Percent, Reading
from athlete_ally.core.readings.record import Record

# A source may give a day of 25 hours, when clocks go back.
_A_DAY_MIN = (0.0, 1500.0)
# The 24-hour world record on foot is 319.614 km (https://iau-ultramarathon.org), some 300,000 steps; wheels go further.
STEPS = Quantity("steps", "step_count", "steps", possible=(0, 300_000), plausible=(0, 100_000))
DISTANCE = Quantity("distance_meters", "distance_m", "m", possible=(0, 2_000_000), plausible=(0, 300_000))
# More than 2.5 times the basal rate can't be kept up for weeks; single days take several times that (Thurber et al.
# 2019, https://doi.org/10.1126/sciadv.aaw0341). Both ranges are ours, outside of it.
ACTIVE_ENERGY = Quantity(
    "active_energy_kcal", "active_energy_kcal", "kcal", possible=(0, 30_000), plausible=(0, 10_000)
)
TOTAL_ENERGY = Quantity("total_energy_kcal", "total_energy_kcal", "kcal", possible=(0, 30_000), plausible=(800, 12_000))
ACTIVE = Quantity("active_minutes", "active_min", "minutes", possible=_A_DAY_MIN, plausible=(0, 1200))
LIGHT = Quantity("light_minutes", "light_min", "minutes", possible=_A_DAY_MIN, plausible=(0, 1440))
MODERATE = Quantity("moderate_minutes", "moderate_min", "minutes", possible=_A_DAY_MIN, plausible=(0, 960))
VIGOROUS = Quantity("vigorous_minutes", "vigorous_min", "minutes", possible=_A_DAY_MIN, plausible=(0, 720))
SEDENTARY = Quantity("sedentary_minutes", "sedentary_min", "minutes", possible=_A_DAY_MIN, plausible=(0, 1500))
# Ours: a floor is about 3 m (https://developer.apple.com/documentation/healthkit/hkquantitytypeidentifier/flightsclimbed).
FLOORS = Quantity("floors", "floor_count", "floors", possible=(0, 10_000), plausible=(0, 1000))
SCORE = Quantity("score", "score", "", possible=(0, 100), plausible=(0, 100))
_QUANTITIES = (
    STEPS,
    DISTANCE,
    ACTIVE_ENERGY,
    TOTAL_ENERGY,
    ACTIVE,
    LIGHT,
    MODERATE,
    VIGOROUS,
    SEDENTARY,
    FLOORS,
    SCORE,
)


class ActivityReading(Reading, frozen=True, kw_only=True):
    """A day's activity: at least one of the numbers.

    `score` is the source's own, 0 to 100. `activeMinutes` are those that the source counts as exercise.
    """

    steps: NotNegative | None = None
    distance_meters: NotNegative | None = None
    active_energy_kcal: NotNegative | None = None
    total_energy_kcal: NotNegative | None = None
    active_minutes: NotNegative | None = None
    light_minutes: NotNegative | None = None
    moderate_minutes: NotNegative | None = None
    vigorous_minutes: NotNegative | None = None
    sedentary_minutes: NotNegative | None = None
    floors: NotNegative | None = None
    score: Percent | None = None


class ActivityRecord(Record, frozen=True, kw_only=True):
    """A row of `activity_data`."""

    step_count: float | None
    distance_m: float | None
    active_energy_kcal: float | None
    total_energy_kcal: float | None
    active_min: float | None
    light_min: float | None
    moderate_min: float | None
    vigorous_min: float | None
    sedentary_min: float | None
    floor_count: float | None
    score: float | None


def flags_of(reading: ActivityReading) -> Flags:
    """Return the flags of what two fields contradict."""
    active, total = reading.active_energy_kcal, reading.total_energy_kcal
    return ("active-exceeds-total-energy",) if active is not None and total is not None and active > total else ()


ACTIVITY = Measurement(
    kind="activity",
    title="Activity of a day",
    decoder=Decoder[ActivityReading].for_type(ActivityReading, at_least_one(_QUANTITIES)),
    record_type=ActivityRecord,
    normalise=normaliser(ActivityRecord, _QUANTITIES, flags_of=flags_of),
    examples=(
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "steps": 11284.0,
            "distanceMeters": 8730.0,
            "activeEnergyKcal": 640.0,
            "totalEnergyKcal": 2540.0,
            "moderateMinutes": 42.0,
            "vigorousMinutes": 18.0,
            "floors": 12.0,
            "capturedAt": "2026-11-20T23:58:00+01:00",
            "source": "garmin",
        },
    ),
)
