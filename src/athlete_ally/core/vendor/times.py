"""Reading a vendor's times: what can't be placed on the person's own clock is `InvalidMessage`."""

import re
from datetime import datetime, timedelta, timezone

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.time_zone import zone_named
from athlete_ally.core.vendor.json_body import moment
from athlete_ally.core.vendor.webhook import INSTANT

_OUT_OF_RANGE = "a time is not in the years 1970 to 9999"


def in_zone(seconds: float, zone: str) -> datetime:
    """Return Unix time in a zone of the IANA database (`Europe/Paris`).

    Raises:
        InvalidMessage: it is not a time that can be stored, or there is no such zone.
    """
    instant = datetime.fromisoformat(moment(seconds))
    named = zone_named(zone)
    if named is None:
        raise InvalidMessage("timezone: must be in the IANA database")
    try:
        return instant.astimezone(named)
    except OverflowError as error:
        raise InvalidMessage(_OUT_OF_RANGE) from error


def local(instant: datetime, offset: str) -> datetime:
    """Return an instant in an offset that is written as `+hh:mm`, `-hh:mm` or `Z`.

    Raises:
        InvalidMessage: it is not such an offset, or the instant has none itself.
    """
    written = re.fullmatch(r"Z|([+-])(\d\d):(\d\d)", offset, re.ASCII)
    if written is None or instant.tzinfo is None:
        raise InvalidMessage("a time must have an offset, as +01:00 or Z")
    sign, hours, minutes = written[1], int(written[2] or 0), int(written[3] or 0)
    east = timedelta(hours=hours, minutes=minutes)
    try:
        return instant.astimezone(timezone(-east if sign == "-" else east))
    except (OverflowError, ValueError) as error:
        raise InvalidMessage(_OUT_OF_RANGE) from error


def later(instant: datetime, seconds: float) -> datetime:
    """Return the instant so many seconds after another one.

    Raises:
        InvalidMessage: it is not a time that can be stored.
    """
    try:
        return instant + timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidMessage(_OUT_OF_RANGE) from error


def at_instant(at: datetime) -> dict[str, str]:
    """Return day, start and end of what was measured at an instant; the start is what it is kept under.

    Raises:
        InvalidMessage: it is not a time that can be stored.
    """
    end = later(at, INSTANT.total_seconds())
    return {"date": at.date().isoformat(), "start": at.isoformat(), "end": end.isoformat()}
