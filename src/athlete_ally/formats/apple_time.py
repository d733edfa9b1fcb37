"""Instants as Apple Health and Health Auto Export write them: `2023-01-01 07:00:00 +0100`.

An export of Apple Health writes every instant with one offset, that of the phone on the day of the export. Where the
person was stands in the record's `HKTimeZone`, a name of the IANA database
(https://developer.apple.com/documentation/healthkit/hkmetadatakeytimezone).
"""

import re
from datetime import date, datetime, timedelta, tzinfo

from athlete_ally.core.errors import InvalidMessage

_SECONDS_END = 19
_MOST_CHARACTERS = 64
_TWELVE_HOURS = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})\s+(0?[0-9]|1[0-2])(:[0-9]{2}:[0-9]{2})"
    r"\s*([AaPp])\.?\s?[Mm]\.?\s*([+-][0-9]{2}:?[0-9]{2})"
)
# An interval has a length; what was measured in an instant gets the shortest that is told apart in the files.
SHORTEST = timedelta(seconds=1)


def instant(text: str) -> datetime:
    """Return the instant.

    Raises:
        InvalidMessage: it is not of this form.
    """
    try:
        parsed = datetime.fromisoformat(text[:_SECONDS_END] + text[_SECONDS_END + 1 :])
    except ValueError:
        parsed = _instant_otherwise_written(text)
    if parsed.tzinfo is None:
        parsed = _instant_otherwise_written(text)
    if parsed.tzinfo is None:
        raise InvalidMessage("a time without an offset")
    return parsed


def _instant_otherwise_written(text: str) -> datetime:
    """Return an instant in ISO 8601, or of a phone that counts twelve hours (iOS sets U+202F or U+00A0 before AM)."""
    written = _TWELVE_HOURS.fullmatch(text[:_MOST_CHARACTERS])
    if written is not None:
        day, hour, minutes, half, offset = written.groups()
        text = f"{day}T{int(hour) % 12 + (12 if half in 'Pp' else 0):02}{minutes}{offset}"
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidMessage("a time that is not of the form YYYY-MM-DD HH:MM:SS +HHMM") from error


def local(at: datetime, zone: tzinfo | None) -> datetime:
    """Return an instant in a zone; without one as it is.

    Raises:
        OverflowError: it is too close to the end of the calendar.
    """
    return at if zone is None else at.astimezone(zone)


def day_of(start: datetime, end: datetime) -> date:
    """Return the day that most of an interval covers, in the offset of its start; both may be one instant."""
    return (start + (end - start) / 2).date()


def interval(start: str, end: str, zone: tzinfo | None = None) -> dict[str, str]:
    """Return `start` and `end` of a reading, at least a second apart, on the clock of a zone where there is one.

    Raises:
        InvalidMessage: a time can't be understood.
        OverflowError: it is too close to the end of the calendar.
    """
    begins, ends = local(instant(start), zone), local(instant(end), zone)
    return {"start": begins.isoformat(), "end": max(ends, begins + SHORTEST).isoformat()}
