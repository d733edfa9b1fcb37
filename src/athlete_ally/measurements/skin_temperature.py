"""Skin temperature, in degrees Celsius: absolute, or as the deviation from the person's own baseline.

The two are different quantities and never share a column. The baseline is the source's own (mostly weeks of nights).
Neither is the temperature of the body's core.
"""

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.core.readings.quantity import Quantity, at_least_one, normaliser
from athlete_ally.core.readings.reading import Celsius, Decoder, Reading
from athlete_ally.core.readings.record import Record

# Skin that stays at 44 degrees burns (Moritz and Henriques 1947, Am J Pathol 23:695-720,
# https://pmc.ncbi.nlm.nih.gov/articles/PMC1934331/). Cold has no such end; below 10 it is the room that was measured.
SKIN_CELSIUS = Quantity("celsius", "skin_celsius", "degrees Celsius", possible=(10, 45), plausible=(25, 40))
# One degree from night to night is usual (Polar, Nightly Skin Temperature, https://support.polar.com/e_manuals/
# vantage-v3/polar-vantage-v3-user-manual-english/nightly-skin-temperature.htm). Possible: ours, far outside.
DEVIATION_CELSIUS = Quantity(
    "deviation_celsius", "deviation_celsius", "degrees Celsius", possible=(-15, 15), plausible=(-5, 5)
)
_QUANTITIES = (SKIN_CELSIUS, DEVIATION_CELSIUS)


class SkinTemperatureReading(Reading, frozen=True, kw_only=True):
    """A reading of the skin temperature: at least one of `celsius` and `deviationCelsius`."""

    celsius: Celsius | None = None
    deviation_celsius: Celsius | None = None


class SkinTemperatureRecord(Record, frozen=True, kw_only=True):
    """A row of `skin_temperature_data`."""

    skin_celsius: float | None
    deviation_celsius: float | None


SKIN_TEMPERATURE = Measurement(
    kind="skin_temperature",
    title="Skin temperature",
    decoder=Decoder[SkinTemperatureReading].for_type(SkinTemperatureReading, at_least_one(_QUANTITIES)),
    record_type=SkinTemperatureRecord,
    normalise=normaliser(SkinTemperatureRecord, _QUANTITIES),
    examples=(
        {
            "userId": "athlete-7",
            "date": "2026-11-20",
            "celsius": 33.7,
            "capturedAt": "2026-11-20T06:41:00+01:00",
            "source": "whoop",
            "context": "overnight",
        },
        {
            "userId": "athlete-8",
            "date": "2026-11-20",
            "deviationCelsius": -0.2,
            "capturedAt": "2026-11-20T07:10:00+01:00",
            "source": "oura",
            "context": "overnight",
        },
    ),
)
