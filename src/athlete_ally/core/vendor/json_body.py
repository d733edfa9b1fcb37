"""Reading a vendor's JSON: a wrong shape is `InvalidMessage`, in words without values."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import msgspec

from athlete_ally.core.errors import InvalidMessage

T = TypeVar("T")

# Every moment that we can store; a vendor's number beyond it is no time.
_LAST_SECOND = 253_402_300_799
_MOST_OFFSET_S = 24 * 3600 - 1


def decoded(body: bytes, shape: type[T]) -> T:
    """Return the body as `shape`.

    Raises:
        InvalidMessage: it is not JSON, or not of this shape.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage(f"the body can't be read: {without_values(error)}") from error


def decoded_items(body: bytes) -> list[Any]:
    """Return the items of a body that is a list, or the one thing that it is.

    Raises:
        InvalidMessage: it is not JSON.
    """
    raw = decoded(body, msgspec.Raw)
    return decoded(body, list[Any]) if bytes(raw).lstrip()[:1] == b"[" else [decoded(body, dict[str, Any])]


def pages(body: bytes, shape: type[T]) -> list[T]:
    """Return the answers in a document: a list of them where it took several requests, or the only one.

    Raises:
        InvalidMessage: it is not JSON, or one of them is not of this shape.
    """
    several: Any = list[shape]
    return decoded(body, several) if body.lstrip()[:1] == b"[" else [decoded(body, shape)]


def converted(item: Any, shape: type[T]) -> T:
    """Return decoded JSON as `shape`.

    Raises:
        InvalidMessage: it is not of this shape.
    """
    try:
        return msgspec.convert(item, shape)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidMessage(without_values(error)) from error


def without_values(error: Exception) -> str:
    """Return what went wrong, without the value that did: it may be health data or a person's id."""
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return re.sub(r"(?s)^(Invalid enum value) .*", r"\1 '...'", str(error))


def moment(seconds: float, offset_s: int = 0) -> str:
    """Return Unix time as RFC 3339, in the offset that the person's device showed (seconds east of UTC).

    Raises:
        InvalidMessage: it is no time that can be stored.
    """
    if not 0 <= seconds <= _LAST_SECOND or abs(offset_s) > _MOST_OFFSET_S:
        raise InvalidMessage("a time is out of range")
    # Offsets with seconds exist in no time zone, only on devices with a wrong clock; RFC 3339 can't write them.
    offset = timezone(timedelta(minutes=round(offset_s / 60)))
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(offset).isoformat()
    except OverflowError as error:
        raise InvalidMessage("a time is out of range") from error


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def minutes(seconds: float | None) -> float | None:
    """Return seconds as minutes."""
    return None if seconds is None else seconds / 60


def kilograms(grams: float | None) -> float | None:
    """Return grams as kilograms."""
    return None if grams is None else grams / 1000


def stages_of(
    *, awake_s: float | None, light_s: float | None, deep_s: float | None, rem_s: float | None
) -> dict[str, float] | None:
    """Return the stages of a sleep in minutes; None where no stage is known."""
    stages = present(awake=minutes(awake_s), light=minutes(light_s), deep=minutes(deep_s), rem=minutes(rem_s))
    return stages or None
