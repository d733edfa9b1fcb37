"""Reading a vendor's JSON: a wrong shape is `InvalidMessage`, in words without values."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.vendor.webhook import UNREAD, Readings

T = TypeVar("T")

_UNREADABLE = "the body can't be read: "
# An item with more faults than that is of another shape.
_MOST_UNREAD = 100

# Every moment that we can store; a vendor's number beyond it is not a time.
_LAST_SECOND = 253_402_300_799
_MOST_OFFSET_S = 24 * 3600 - 1


def decoded(body: bytes, shape: type[T]) -> T:
    """Return the body as `shape`; a member that is null counts as one that is not there.

    Raises:
        InvalidMessage: it is not JSON, or not of this shape.
    """
    try:
        return _decoded(body, shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage(f"{_UNREADABLE}{without_values(error)}") from error


def _decoded(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError:
        if b"null" not in body:
            raise
        return msgspec.json.decode(msgspec.json.encode(_without_nulls(msgspec.json.decode(body))), type=shape)


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
    """Return decoded JSON as `shape`; a member that is null counts as one that is not there.

    Raises:
        InvalidMessage: it is not of this shape.
    """
    try:
        return msgspec.convert(_without_nulls(item), shape)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidMessage(without_values(error)) from error


def named(body: bytes, shape: type[T]) -> T | None:
    """Return what says where an item belongs, all of whose members may be missing; None for what is no item at all."""
    try:
        return decoded(body, shape)
    except InvalidMessage:
        return None


def lenient(item: Any, shape: type[T]) -> tuple[T, Readings]:
    """Return decoded JSON as `shape`, and an `UNREAD` entry for each part of it that had to be left out.

    A part is an optional member or an item of a list; what it takes for one that is required goes with what holds it.

    Raises:
        InvalidMessage: too little is left for this shape.
    """
    left, unread, last = item, list[str](), list[str | int]()
    while len(unread) < _MOST_UNREAD:
        try:
            value = msgspec.convert(_without_nulls(left), shape)
        except RecursionError as error:
            raise InvalidMessage(without_values(error)) from error
        except msgspec.ValidationError as error:
            place = _place_of(error)
            if not place:
                raise InvalidMessage(unread[-1] if unread else without_values(error)) from error
            left = _without(left, place)
            # What goes because its part went is the same loss.
            unread += [without_values(error)] if last[: len(place)] != place else []
            last = place
        else:
            return value, [(UNREAD, {"error": each}) for each in unread]
    raise InvalidMessage(f"{unread[0]}; and more than {_MOST_UNREAD} parts like it")


def lenient_body(body: bytes, shape: type[T]) -> tuple[T, Readings]:
    """Return a body as `lenient` returns decoded JSON. Raises as `decoded`."""
    whole: type[Any] = object
    try:
        return lenient(decoded(body, whole), shape)
    except InvalidMessage as error:
        raise InvalidMessage(f"{_UNREADABLE}{str(error).removeprefix(_UNREADABLE)}") from error


def _without_nulls(item: Any) -> Any:
    """Return JSON without members that are null; items of lists that are null stay where they are."""
    if isinstance(item, dict):
        members: dict[str, Any] = item  # pyright: ignore[reportUnknownVariableType]  # any JSON
        return {name: _without_nulls(value) for name, value in members.items() if value is not None}
    if isinstance(item, list):
        return [_without_nulls(each) for each in item]  # pyright: ignore[reportUnknownVariableType]  # any JSON
    return item


def _place_of(error: msgspec.ValidationError) -> list[str | int]:
    """Return the names and numbers that lead to what is wrong; the members of a mapping are not told apart."""
    found = re.search(r"- at `\$(.*?)`$", str(error), re.DOTALL)
    known = "" if found is None else found[1].partition("[...]")[0]
    return [int(number) if number else name for name, number in re.findall(r"\.([^.\[]+)|\[(\d+)\]", known)]


def _without(item: Any, place: Sequence[str | int]) -> Any:
    """Return JSON without what is at a place; in a list null stands in its stead first, so that no item moves."""
    first, *rest = place
    if isinstance(first, int):
        items = list(item)
        if rest:
            items[first] = _without(items[first], rest)
        elif items[first] is None:
            del items[first]
        else:
            items[first] = None
        return items
    members = dict(item)
    if rest:
        members[first] = _without(members[first], rest)
    else:
        del members[first]
    return members


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
        InvalidMessage: it is not a time that can be stored.
    """
    if not 0 <= seconds <= _LAST_SECOND or abs(offset_s) > _MOST_OFFSET_S:
        raise InvalidMessage("a time is not in the years 1970 to 9999")
    # Offsets with seconds exist in no time zone, only on devices with a wrong clock; RFC 3339 can't write them.
    offset = timezone(timedelta(minutes=round(offset_s / 60)))
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(offset).isoformat()
    except OverflowError as error:
        raise InvalidMessage("a time is not in the years 1970 to 9999") from error


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def session(name: Any) -> dict[str, str]:
    """Return the vendor's name of a session as a field; nothing where there is none that we could keep."""
    text = str(name) if isinstance(name, str | int) and not isinstance(name, bool) else ""
    return {"sessionId": text} if _SESSION.fullmatch(text) else {}


# What a label of ours can hold (see `core.readings.reading`).
_SESSION = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


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
