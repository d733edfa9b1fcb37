"""What a message of a FIT file can be asked for."""

from datetime import UTC, datetime
from typing import Any, Protocol

from athlete_ally.core.readings.record import EARLIEST_CAPTURE

# https://developer.garmin.com/fit/protocol/ (date_time)
EPOCH = datetime(1989, 12, 31, tzinfo=UTC)


class Message(Protocol):
    """A data message of a FIT file, decoded."""

    @property
    def name(self) -> str:
        """Return its name in the profile."""
        ...

    def get_value(self, field: str, *, fallback: Any) -> Any:
        """Return the value of a field in its unit, or `fallback` where the message has none."""
        ...


def value_of(message: Message, field: str) -> Any:
    """Return the value of a field; None where the message has none."""
    return message.get_value(field, fallback=None)


def number_of(message: Message, *fields: str) -> float | None:
    """Return the first of these fields that is a number."""
    for field in fields:
        value = value_of(message, field)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None


def instant_of(message: Message, field: str = "timestamp") -> datetime | None:
    """Return an instant; None where there is none.

    Seconds since the device was switched on are none, and neither is a date from before its clock was set
    (https://developer.garmin.com/fit/protocol/, date_time).
    """
    value = value_of(message, field)
    return value if isinstance(value, datetime) and value.tzinfo and value >= EARLIEST_CAPTURE else None


def compressed_speed(message: Message) -> float | None:
    """Return the speed of `compressed_speed_distance`: its first twelve bits, in hundredths of a metre a second."""
    match value_of(message, "compressed_speed_distance"):
        case (int(low), int(high), *_):
            return (low | (high & 0xF) << 8) / 100
        case _:
            return None
