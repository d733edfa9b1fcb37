"""Resting heart rate, in beats per minute, as the source defines it (awake and still, or the lowest of a night)."""

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.quantity import Quantity, normaliser
from athlete_ally.core.readings.reading import Decoder, Positive, Reading
from athlete_ally.core.readings.record import Record

# Among 92,457 adults the daily value ranged from 40 to 109 (Quer et al. 2020, https://doi.org/10.1371/journal.pone.0227709);
# athletes lie below, fever above. What is possible is a limit of ours, far outside.
RESTING_BPM = Quantity("bpm", "resting_bpm", "beats per minute", possible=(15, 250), plausible=(30, 120))


class RestingHeartRateReading(Reading, frozen=True, kw_only=True):
    """A reading of the resting heart rate: `bpm`, beats per minute."""

    bpm: Positive


class RestingHeartRateRecord(Record, frozen=True, kw_only=True):
    """A row of `resting_heart_rate_data`."""

    resting_bpm: float


RESTING_HEART_RATE = Measurement(
    kind="resting_heart_rate",
    title="Resting heart rate",
    decoder=Decoder[RestingHeartRateReading].for_type(RestingHeartRateReading),
    record_type=RestingHeartRateRecord,
    normalise=normaliser(RestingHeartRateRecord, [RESTING_BPM]),
    examples=(
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "bpm": 52.0,
            "capturedAt": "2026-11-20T06:41:00+01:00",
            "source": "fitbit",
        },
        {
            "userId": "athlete-8",
            "date": "2026-11-20",
            "bpm": 44.0,
            "capturedAt": "2026-11-20T07:10:00+01:00",
            "source": "whoop",
            "context": "overnight",
        },
    ),
)
