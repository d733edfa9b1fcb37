"""Reading a vendor's times: what can't be placed on the person's own clock is `InvalidMessage`."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor_json import moment

_OUT_OF_RANGE = "a time is out of range"


def in_zone(seconds: float, zone: str) -> datetime:
    """Return Unix time in a zone of the IANA database (`Europe/Paris`).

    Raises:
        InvalidMessage: it is no time that can be stored, or there is no such zone.
    """
    instant = datetime.fromisoformat(moment(seconds))
    try:
        return instant.astimezone(ZoneInfo(zone))
    except OverflowError as error:
        raise InvalidMessage(_OUT_OF_RANGE) from error
    except (KeyError, ValueError, OSError) as error:
        raise InvalidMessage("timezone: not in the IANA database") from error


def later(instant: datetime, seconds: float) -> datetime:
    """Return the instant so many seconds after another one.

    Raises:
        InvalidMessage: it is no time that can be stored.
    """
    try:
        return instant + timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidMessage(_OUT_OF_RANGE) from error
