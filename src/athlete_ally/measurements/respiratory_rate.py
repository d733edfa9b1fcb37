"""Respiratory rate: breaths per minute, mostly the average of a night."""

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.quantity import Quantity, normaliser
from athlete_ally.core.readings.reading import Decoder, Positive, Reading
from athlete_ally.core.readings.record import Record

# At night 90 % of healthy adults' values lie within 11.8 to 19.2 (Natarajan et al. 2021,
# https://doi.org/10.1038/s41746-021-00493-6); slow breathing and illness go further. Possible: ours, far outside.
BREATHS = Quantity("breaths_per_minute", "breaths_per_min", "breaths per minute", possible=(1, 100), plausible=(6, 40))


class RespiratoryRateReading(Reading, frozen=True, kw_only=True):
    """A reading of the respiratory rate: `breathsPerMinute`."""

    breaths_per_minute: Positive


class RespiratoryRateRecord(Record, frozen=True, kw_only=True):
    """A row of `respiratory_rate_data`."""

    breaths_per_min: float


RESPIRATORY_RATE = Measurement(
    kind="respiratory_rate",
    title="Respiratory rate",
    decoder=Decoder[RespiratoryRateReading].for_type(RespiratoryRateReading),
    record_type=RespiratoryRateRecord,
    normalise=normaliser(RespiratoryRateRecord, [BREATHS]),
    examples=(
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "breathsPerMinute": 14.4,
            "capturedAt": "2026-11-20T06:41:00+01:00",
            "source": "whoop",
            "context": "overnight",
        },
    ),
)
