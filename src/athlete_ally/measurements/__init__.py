"""The kinds of measurement: one file each, and one line here.

Routes, subjects, durables, series and tables follow from this list.
"""

from athlete_ally.core.readings.measurement import Measurement
from athlete_ally.measurements.activity import ACTIVITY
from athlete_ally.measurements.body import BODY
from athlete_ally.measurements.hrv import HRV
from athlete_ally.measurements.respiratory_rate import RESPIRATORY_RATE
from athlete_ally.measurements.resting_heart_rate import RESTING_HEART_RATE
from athlete_ally.measurements.samples import SAMPLES
from athlete_ally.measurements.skin_temperature import SKIN_TEMPERATURE
from athlete_ally.measurements.sleep import SLEEP
from athlete_ally.measurements.spo2 import SPO2
from athlete_ally.measurements.workout import WORKOUT

__all__ = ["HRV", "KINDS", "MEASUREMENTS", "SAMPLES", "SLEEP"]

MEASUREMENTS: tuple[Measurement, ...] = (
    HRV,
    SLEEP,
    RESTING_HEART_RATE,
    RESPIRATORY_RATE,
    SPO2,
    SKIN_TEMPERATURE,
    ACTIVITY,
    WORKOUT,
    BODY,
    SAMPLES,
)
KINDS: tuple[str, ...] = tuple(measurement.kind for measurement in MEASUREMENTS)
