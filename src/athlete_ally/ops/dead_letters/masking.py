"""A dead letter's body without anybody's data: its shape, which is what debugging needs. Pure."""

import json
from typing import Any

# Words of our own schema that say nothing of a person; everything else is shown by type and size only.
_SHOWN = {"context", "source"}
# Deeper or wider bodies than any reading's are somebody's play.
_DEEPEST = 8
_MOST_MEMBERS = 50
_MOST_NAME_CHARACTERS = 64


def masked_body(body: bytes) -> str:
    """Return a body, indented, with every value replaced by its type and size; what is no JSON shows its length."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return f"<{len(body)} bytes that are no JSON>"
    return json.dumps(masked(document), indent=2, ensure_ascii=True)


def pretty_body(body: bytes) -> str:
    """Return a body as it is, indented where it is JSON."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=True)
    except (ValueError, RecursionError):
        return body.decode(errors="backslashreplace")


def masked(value: Any, name: str = "", depth: int = 0) -> Any:
    """Return a JSON value with its leaves masked."""
    if depth > _DEEPEST:
        return "<nested deeper>"
    if isinstance(value, dict):
        members: list[tuple[str, Any]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  # JSON
        kept = {_name(key): masked(each, key, depth + 1) for key, each in members[:_MOST_MEMBERS]}
        more = len(members) - _MOST_MEMBERS
        return {**kept, "...": f"<{more} more>"} if more > 0 else kept
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # JSON
        if len(items) > _MOST_MEMBERS:
            return [*(masked(each, name, depth + 1) for each in items[:3]), f"<{len(items) - 3} more>"]
        return [masked(each, name, depth + 1) for each in items]
    return _leaf(value, name)


def _leaf(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        is_word = name in _SHOWN and len(value) <= _MOST_NAME_CHARACTERS and value.isascii() and value.isprintable()
        return value if is_word else f"<text, {len(value)} characters>"
    return "<whole number>" if isinstance(value, int) else "<number>"


def _name(key: str) -> str:
    return key if len(key) <= _MOST_NAME_CHARACTERS else key[:_MOST_NAME_CHARACTERS] + "..."
