"""The kinds of measurement: one file each, and one line here.

Routes, subjects, durables, series and tables follow from this list.
"""

from athlete_ally.core.measurement import Measurement
from athlete_ally.measurements.hrv import HRV
from athlete_ally.measurements.sleep import SLEEP

__all__ = ["HRV", "KINDS", "MEASUREMENTS", "SLEEP"]

MEASUREMENTS: tuple[Measurement, ...] = (HRV, SLEEP)
KINDS: tuple[str, ...] = tuple(measurement.kind for measurement in MEASUREMENTS)
