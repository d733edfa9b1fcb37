"""Changing the readings in a body by name, and saying which names were changed. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from athlete_ally.core.errors import InvalidMessage


def set_fields(body: bytes, reading: int, assignments: Sequence[str]) -> bytes:
    """Return a body in which fields of one reading are set as `name=value`; no value removes the field.

    Raises:
        InvalidMessage: the body can't be edited by name, there is no such reading, or an assignment can't be read.
    """
    document = _document(body)
    readings = document["readings"]
    if reading >= len(readings) or not isinstance(readings[reading], dict):
        raise InvalidMessage(f"there is no reading {reading} with fields: the letter has {len(readings)}")
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise InvalidMessage(f"{assignment!r} sets nothing: write FIELD=VALUE")
        if value:
            readings[reading][name] = _value(value)
        else:
            readings[reading].pop(name, None)
    return _encode(document)


def compact(body: bytes) -> bytes:
    """Return a body without the white space that a person's editor leaves.

    Raises:
        InvalidMessage: it is not JSON.
    """
    try:
        return _encode(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"what was edited is no JSON any more: {type(error).__name__}") from error


def changed_fields(old: bytes, new: bytes) -> list[str]:
    """Return the names of the fields that differ, as `reading.field`; no values."""
    before, after = _readings(old), _readings(new)
    changed: list[str] = []
    for index in range(max(len(before), len(after))):
        one = before[index] if index < len(before) else None
        other = after[index] if index < len(after) else None
        if isinstance(one, dict) and isinstance(other, dict):
            changed += [f"{index}.{name}" for name in _changed_names(one, other)]  # pyright: ignore[reportUnknownArgumentType]  # JSON
        elif one != other:
            changed.append(str(index))
    return changed


def _changed_names(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def _readings(body: bytes) -> list[Any]:
    try:
        return _document(body)["readings"]
    except InvalidMessage:
        return []


def _document(body: bytes) -> dict[str, Any]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage("the body is no JSON: it can't be edited by field, only in $EDITOR") from error
    if not isinstance(document, dict) or not isinstance(document.get("readings"), list):  # pyright: ignore[reportUnknownMemberType]  # JSON
        raise InvalidMessage('the body is not {"readings": [...]}: it can only be edited in $EDITOR')
    return document  # pyright: ignore[reportUnknownVariableType]  # JSON


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
