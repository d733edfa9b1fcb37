"""Instants as Apple Health and Health Auto Export write them: `2023-01-01 07:00:00 +0100`."""

from datetime import datetime, timedelta

from athlete_ally.core.errors import InvalidMessage

_SECONDS_END = 19
# An interval has a length; what was measured in an instant gets the shortest that is told apart in the files.
SHORTEST = timedelta(seconds=1)


def instant(text: str) -> datetime:
    """Return the instant.

    Raises:
        InvalidMessage: it is not of this form.
    """
    try:
        parsed = datetime.fromisoformat(text[:_SECONDS_END] + text[_SECONDS_END + 1 :])
    except ValueError as error:
        raise InvalidMessage("a time that is not of the form YYYY-MM-DD HH:MM:SS +HHMM") from error
    if parsed.tzinfo is None:
        raise InvalidMessage("a time without an offset")
    return parsed


def interval(start: str, end: str) -> dict[str, str]:
    """Return `start` and `end` of a reading, at least a second apart.

    Raises:
        InvalidMessage: a time can't be understood.
    """
    begins, ends = instant(start), instant(end)
    return {"start": begins.isoformat(), "end": max(ends, begins + SHORTEST).isoformat()}
