"""Body: mass and composition, in kilograms and per cent, as a scale estimates them."""

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.quantity import Flags, Quantity, at_least_one, normaliser
from athlete_ally.core.readings.reading import Decoder, Percent, Positive, Reading
from athlete_ally.core.readings.record import Record

# The heaviest person on record weighed 635 kg, the tallest was 2.72 m (https://www.guinnessworldrecords.com). The lower
# ends are ours. Plausible are grown people.
_POSSIBLE_KG = (1.0, 700.0)
MASS = Quantity("mass_kg", "mass_kg", "kg", possible=_POSSIBLE_KG, plausible=(30, 250))
# About 3 % is the essential fat of men (Gallagher et al. 2000, https://doi.org/10.1093/ajcn/72.3.694, has the healthy
# ranges, 8 to 39 %); scales estimate, so that less is flagged and not refused. The other parts are limits of ours.
FAT_PERCENT = Quantity("fat_percent", "fat_percent", "%", possible=(0.5, 90), plausible=(3, 65))
FAT_FREE_MASS = Quantity("fat_free_mass_kg", "fat_free_mass_kg", "kg", possible=_POSSIBLE_KG, plausible=(20, 150))
MUSCLE_MASS = Quantity("muscle_mass_kg", "muscle_mass_kg", "kg", possible=(0.5, 400), plausible=(10, 130))
WATER_PERCENT = Quantity("water_percent", "water_percent", "%", possible=(5, 95), plausible=(30, 75))
BONE_MASS = Quantity("bone_mass_kg", "bone_mass_kg", "kg", possible=(0.1, 30), plausible=(1, 8))
HEIGHT = Quantity("height_meters", "height_m", "m", possible=(0.3, 2.8), plausible=(1.2, 2.3))
_QUANTITIES = (MASS, FAT_PERCENT, FAT_FREE_MASS, MUSCLE_MASS, WATER_PERCENT, BONE_MASS, HEIGHT)


class BodyReading(Reading, frozen=True, kw_only=True):
    """A weighing: at least one of the numbers.

    `muscleMassKg` is the source's own idea of muscle: some mean skeletal muscle, some all lean tissue.
    """

    mass_kg: Positive | None = None
    fat_percent: Percent | None = None
    fat_free_mass_kg: Positive | None = None
    muscle_mass_kg: Positive | None = None
    water_percent: Percent | None = None
    bone_mass_kg: Positive | None = None
    height_meters: Positive | None = None


class BodyRecord(Record, frozen=True, kw_only=True):
    """A row of `body_data`."""

    mass_kg: float | None
    fat_percent: float | None
    fat_free_mass_kg: float | None
    muscle_mass_kg: float | None
    water_percent: float | None
    bone_mass_kg: float | None
    height_m: float | None


def flags_of(reading: BodyReading) -> Flags:
    """Return the flags of what two fields contradict: no part is heavier than the whole."""
    parts = [reading.fat_free_mass_kg, reading.muscle_mass_kg, reading.bone_mass_kg]
    whole = reading.mass_kg
    return ("part-exceeds-mass",) if whole is not None and any(part and part > whole for part in parts) else ()


BODY = Measurement(
    kind="body",
    title="Body mass and composition",
    decoder=Decoder[BodyReading].for_type(BodyReading, at_least_one(_QUANTITIES)),
    record_type=BodyRecord,
    normalise=normaliser(BodyRecord, _QUANTITIES, flags_of=flags_of),
    examples=(
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "massKg": 71.4,
            "fatPercent": 15.2,
            "muscleMassKg": 57.6,
            "waterPercent": 58.1,
            "boneMassKg": 3.1,
            "capturedAt": "2026-11-20T06:50:00+01:00",
            "source": "withings",
            "context": "morning",
        },
    ),
)
