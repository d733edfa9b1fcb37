"""Blood oxygen saturation as a pulse oximeter sees it (SpO2), in per cent: 97, not 0.97."""

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.quantity import Flags, Quantity, normaliser
from athlete_ally.core.readings.reading import Decoder, Percent, Reading
from athlete_ally.core.readings.record import Record

# Lowest in walking people: climbers near the summit of Everest, whose arterial oxygen pressure fell to 19 mmHg (Grocott
# et al. 2009, https://doi.org/10.1056/NEJMoa0801581). A fraction that was meant as per cent is refused as well.
# The accuracy of pulse oximeters is specified from 70 to 100 % (ISO 80601-2-61, https://www.iso.org/standard/67963.html).
_POSSIBLE = (30.0, 100.0)
_PLAUSIBLE = (70.0, 100.0)
SPO2_PERCENT = Quantity("percent", "spo2_percent", "%", possible=_POSSIBLE, plausible=_PLAUSIBLE)
LOWEST_PERCENT = Quantity("lowest_percent", "lowest_percent", "%", possible=_POSSIBLE, plausible=_PLAUSIBLE)


class Spo2Reading(Reading, frozen=True, kw_only=True):
    """A reading of SpO2: `percent`, of an interval the average, and `lowestPercent` where the sender knows it."""

    percent: Percent
    lowest_percent: Percent | None = None


class Spo2Record(Record, frozen=True, kw_only=True):
    """A row of `spo2_data`."""

    spo2_percent: float
    lowest_percent: float | None


def flags_of(reading: Spo2Reading) -> Flags:
    """Return the flags of what two fields contradict."""
    contradicts = reading.lowest_percent is not None and reading.lowest_percent > reading.percent
    return ("lowest-above-average",) if contradicts else ()


SPO2 = Measurement(
    kind="spo2",
    title="Blood oxygen saturation",
    decoder=Decoder[Spo2Reading].for_type(Spo2Reading),
    record_type=Spo2Record,
    normalise=normaliser(Spo2Record, [SPO2_PERCENT, LOWEST_PERCENT], flags_of=flags_of),
    examples=(
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "percent": 96.4,
            "lowestPercent": 91.0,
            "capturedAt": "2026-11-20T06:41:00+01:00",
            "source": "fitbit",
            "context": "overnight",
        },
    ),
)
