"""What watches write into FIT files beside workouts: monitoring, HRV status, respiration, SpO2, temperatures."""

from datetime import datetime, timedelta
from typing import Any

from athlete_ally.core.vendor.catalogue import OWN_SCORE
from athlete_ally.formats.fit_message import EPOCH, Message, instant_of, number_of, value_of

Points = list[tuple[str, str, float, str | None]]
"""Code, unit, value and context of points of one instant."""

_TOTALS = "its steps, distances and calories are running totals of several activities"
LEFT_OUT = {
    "stress_level": OWN_SCORE,
    "sleep_assessment": OWN_SCORE,
    "monitoring": _TOTALS,
    "spo2_data": "there is no result in it",
    "respiration_rate": "there is no result in it",
    "hrv_value": "there is no result in it",
    "hrv_status_summary": "there is no average of a night in it",
    "monitoring_hr_data": "there is no resting rate of the day in it",
    "skin_temp_overnight": "there is no deviation in it",
}
"""Messages that are left out, wholly or where they hold nothing for us, and why."""

_SIXTEEN_BITS = 0xFFFF


class Clock:
    """The instants of messages, of which many state the last sixteen bits only (`timestamp_16`).

    https://developer.garmin.com/fit/cookbook/ (monitoring files): the next instant after the one before it whose last
    sixteen bits are these.
    """

    def __init__(self) -> None:
        """Know no instant yet."""
        self._last_s: int | None = None

    def read(self, message: Message) -> datetime | None:
        """Return the instant of a message; None where it has none, or no message before it had a whole one."""
        at, short = instant_of(message), value_of(message, "timestamp_16")
        if at is not None:
            self._last_s = round((at - EPOCH).total_seconds())
            return at
        if self._last_s is None or not isinstance(short, int):
            return None
        self._last_s += (short - self._last_s) & _SIXTEEN_BITS
        return EPOCH + timedelta(seconds=self._last_s)


def points_of(message: Message) -> Points:
    """Return the points that a message holds."""
    match message.name:
        case "monitoring":
            return _point(message, "heart_rate", "heart_rate", "/min", None)
        case "respiration_rate":
            return _point(message, "respiration_rate", "respiratory_rate", "/min", None)
        case "hrv_value":
            return _point(message, "value", "rmssd", "ms", "overnight")
        case "spo2_data" if value_of(message, "mode") != "spot_check":
            return _point(message, "reading_spo2", "spo2", "%", None)
        case _:
            return []


def _point(message: Message, field: str, code: str, unit: str, context: str | None) -> Points:
    value = number_of(message, field)
    # Zero and what is below it stand for "no contact" and "too much motion".
    return [(code, unit, value, context)] if value is not None and value > 0 else []


def instant_reading_of(message: Message) -> tuple[str, dict[str, Any]] | None:
    """Return kind and fields of a reading of the instant of a message; None where it holds none."""
    match message.name:
        case "hrv_status_summary":
            return _reading("hrv", message, "last_night_average", "rmssd", "overnight")
        case "spo2_data" if value_of(message, "mode") == "spot_check":
            return _reading("spo2", message, "reading_spo2", "percent", "spot")
        case _:
            return None


def _reading(kind: str, message: Message, field: str, into: str, context: str) -> tuple[str, dict[str, Any]] | None:
    value = number_of(message, field)
    return (kind, {into: round(value, 3), "context": context}) if value else None


def daily_reading_of(message: Message) -> tuple[str, dict[str, Any]] | None:
    """Return kind and fields of a reading of the local day of a message; None where it holds none."""
    match message.name:
        case "monitoring_hr_data":
            bpm = number_of(message, "current_day_resting_heart_rate")
            return ("resting_heart_rate", {"bpm": bpm}) if bpm else None
        case "skin_temp_overnight":
            deviation = number_of(message, "average_deviation")
            fields = {"deviationCelsius": round(deviation or 0.0, 3), "context": "overnight"}
            return None if deviation is None else ("skin_temperature", fields)
        case _:
            return None
