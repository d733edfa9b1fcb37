"""The parameters of a request: an unknown or impossible one is refused, and the refusal says what is possible."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from athlete_ally.api.refusal import invalid
from athlete_ally.core.readings.reading import LONGEST_LABEL

Value = TypeVar("Value")
_WORDS = {"true": True, "false": False}


class Parameters:
    """The query of a request. What nobody asked for by `close` is refused: a misspelt filter must not be ignored."""

    def __init__(self, items: Sequence[tuple[str, str]]) -> None:
        """Take names and values in order; a name may occur several times."""
        self._values: dict[str, list[str]] = {}
        self._known: set[str] = set()
        for name, value in items:
            self._values.setdefault(name, []).append(value)

    def close(self) -> None:
        """Return if every parameter was asked for.

        Raises:
            Refusal: one was not; it is named.
        """
        for name in self._values:
            if name not in self._known:
                raise invalid(name[:LONGEST_LABEL], f"no such parameter; there are {', '.join(sorted(self._known))}")

    def one(self, name: str, read: Callable[[str, str], Value], default: Value) -> Value:
        """Return the value of a parameter that occurs once at most.

        Raises:
            Refusal: it occurs twice, or is impossible.
        """
        self._known.add(name)
        values = self._values.get(name, [])
        if len(values) > 1:
            raise invalid(name, "given twice: give it once")
        return read(name, values[0]) if values else default

    def many(self, name: str, known: Collection[str] | None = None) -> tuple[str, ...]:
        """Return the values of a list: separated by commas, or the parameter repeated.

        Raises:
            Refusal: one of them is empty, too long, or not among those known.
        """
        self._known.add(name)
        words = tuple(word for value in self._values.get(name, []) for word in value.split(","))
        for word in words:
            text(name, word)
            if known is not None and word not in known:
                raise invalid(name, f"{word[:40]!r} is none of {', '.join(known)}")
        return words


def text(name: str, value: str) -> str:
    """Return a text that a column may hold.

    Raises:
        Refusal: it is empty, too long, or has a NUL.
    """
    if not 0 < len(value) <= LONGEST_LABEL or "\0" in value:
        raise invalid(name, f"1 to {LONGEST_LABEL} characters are possible, without NUL")
    return value


def flag(name: str, value: str) -> bool:
    """Return `true` or `false`.

    Raises:
        Refusal: it is neither.
    """
    if value not in _WORDS:
        raise invalid(name, "true or false")
    return _WORDS[value]


def within(low: int, high: int) -> Callable[[str, str], int]:
    """Return a reader of whole numbers in this range, bounds included."""

    def read(name: str, value: str) -> int:
        digits = value.isascii() and value.isdigit() and len(value) <= len(str(high))
        if not digits or not low <= int(value) <= high:
            raise invalid(name, f"a whole number from {low} to {high}")
        return int(value)

    return read


def one_of(words: Collection[str]) -> Callable[[str, str], str]:
    """Return a reader of one of these words."""

    def read(name: str, value: str) -> str:
        if value not in words:
            raise invalid(name, f"one of {', '.join(words)}")
        return value

    return read


def day(name: str, value: str) -> date:
    """Return a day, as 2026-11-29.

    Raises:
        Refusal: it is none.
    """
    try:
        if len(value) == len("2026-11-29"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise invalid(name, "a day like 2026-11-29")


def instant(name: str, value: str) -> datetime:
    """Return an instant with its offset, in UTC.

    Raises:
        Refusal: it is none, or has no offset.
    """
    try:
        # A plus sign that nobody escaped arrives as a space.
        moment = datetime.fromisoformat(value.replace(" ", "+"))
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid(name, "an instant with offset, like 2026-11-29T07:00:00+01:00 or 2026-11-29T06:00:00Z")


def time_zone(name: str, value: str) -> str:
    """Return the name of a time zone.

    Raises:
        Refusal: there is no such zone.
    """
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(name, "the name of a time zone, like Europe/Berlin") from None


def not_before(name: str, begin: date | datetime, end: date | datetime) -> None:
    """Return if an end is not before its begin.

    Raises:
        Refusal: it is.
    """
    if end < begin:
        raise invalid(name, "is before the begin of the range")
