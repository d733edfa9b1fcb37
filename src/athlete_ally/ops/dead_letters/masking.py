"""A dead letter's body without anybody's data: its shape, which is what debugging needs. Pure."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

# Words of our own schema that say nothing of a person; everything else is shown by type and size only.
_SHOWN = {"context", "source"}
# What a sender put beside our schema: the names of its fields may say as much of a person as their values.
_FREE = "raw"
# Deeper or wider bodies than any reading's are somebody's play.
_DEEPEST = 8
_MOST_MEMBERS = 50
_MOST_NAME_CHARACTERS = 64
# A page holds a few times as many, since some characters take six bytes in JSON and HTML.
_MOST_CHARACTERS: Final = 65_536
_DEEPEST_REVEALED = 16
_MOST_TEXT_CHARACTERS = 2_000
_MOST_LINE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class ShownBody:
    """A body to show. `is_whole` is False where its size or its depth is beyond what a page or a terminal shows."""

    text: str
    is_whole: bool


@dataclass(slots=True)
class _Limits:
    """How much of a document is shown; `left` counts the characters down, and `is_whole` notes what was left out.

    Of the field called `hidden` only the number of its members is shown.
    """

    deepest: int
    most_members: int
    first_items: int
    leaf: Callable[[Any, str], Any]
    hidden: str = ""
    left: int = _MOST_CHARACTERS
    is_whole: bool = True


def masked_body(body: bytes) -> str:
    """Return a body, indented, with every value replaced by its type and size; if it is not JSON, its length."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return f"<{len(body)} bytes that are not JSON>"
    return json.dumps(masked(document), indent=2, ensure_ascii=True)


def revealed_body(body: bytes) -> ShownBody:
    """Return a body with its values, indented where it is JSON, shortened where it is too long or too deep."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        text = body[:_MOST_CHARACTERS].decode(errors="backslashreplace")[:_MOST_CHARACTERS]
        return ShownBody(text, is_whole=len(body) <= len(text))
    limits = _Limits(_DEEPEST_REVEALED, _MOST_CHARACTERS, _MOST_CHARACTERS, lambda value, _: value)
    shown = _shortened(document, "", 0, limits)
    return ShownBody(json.dumps(shown, indent=2, ensure_ascii=True), limits.is_whole)


def pretty_body(body: bytes) -> str:
    """Return all of a body, indented where it is JSON and the indentation does not take more room than the body."""
    try:
        document = json.loads(body)
        whole = revealed_body(body).is_whole
    except (ValueError, RecursionError):
        return body.decode(errors="backslashreplace")
    return json.dumps(document, indent=2 if whole else None, ensure_ascii=True)


def masked(value: Any, name: str = "") -> Any:
    """Return a JSON value with its leaves masked, and bounded in depth and size."""
    return _shortened(value, name, 0, _Limits(_DEEPEST, _MOST_MEMBERS, 3, _leaf, hidden=_FREE))


def revealed(value: Any) -> Any:
    """Return a JSON value, bounded in depth and size."""
    return _shortened(
        value, "", 0, _Limits(_DEEPEST_REVEALED, _MOST_CHARACTERS, _MOST_CHARACTERS, lambda each, _: each)
    )


def short(text: str) -> str:
    """Return a text that a sender wrote, with at most a thousand characters and the number of the others."""
    more = len(text) - _MOST_LINE_CHARACTERS
    return text if more <= 0 else f"{text[:_MOST_LINE_CHARACTERS]}... <{more} more characters>"


def _shortened(value: Any, name: str, depth: int, limits: _Limits) -> Any:
    if isinstance(value, dict | list) and depth > limits.deepest:
        limits.is_whole = False
        return _charged("<nested deeper>", depth, limits)
    if isinstance(value, dict | list) and limits.hidden and name == limits.hidden:
        return _charged(f"<{len(value)} members>", depth, limits)  # pyright: ignore[reportUnknownArgumentType]  # JSON
    if isinstance(value, dict):
        members: list[tuple[str, Any]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  # JSON
        return _shortened_members(members, depth, limits)
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # JSON
        return _shortened_items(items, name, depth, limits)
    return _charged(_short_text(limits.leaf(value, name), limits), depth, limits)


def _shortened_members(members: list[tuple[str, Any]], depth: int, limits: _Limits) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for number, (key, each) in enumerate(members):
        if limits.left <= 0 or number >= limits.most_members:
            limits.is_whole = False
            return {**kept, "...": f"<{len(members) - number} more>"}
        limits.left -= len(key)
        kept[_name(key)] = _shortened(each, key, depth + 1, limits)
    limits.left -= 2 * depth
    return kept


def _shortened_items(items: list[Any], name: str, depth: int, limits: _Limits) -> list[Any]:
    most = len(items) if len(items) <= limits.most_members else limits.first_items
    kept: list[Any] = []
    for number, each in enumerate(items):
        if limits.left <= 0 or number >= most:
            limits.is_whole = False
            return [*kept, f"<{len(items) - number} more>"]
        kept.append(_shortened(each, name, depth + 1, limits))
    limits.left -= 2 * depth
    return kept


def _charged(leaf: Any, depth: int, limits: _Limits) -> Any:
    """Return a leaf, and count the characters that its line takes."""
    limits.left -= 2 * depth + len(json.dumps(leaf)) + 4
    return leaf


def _short_text(leaf: Any, limits: _Limits) -> Any:
    if not isinstance(leaf, str) or len(leaf) <= _MOST_TEXT_CHARACTERS:
        return leaf
    limits.is_whole = False
    return f"{leaf[:_MOST_TEXT_CHARACTERS]}... <{len(leaf) - _MOST_TEXT_CHARACTERS} more characters>"


def _leaf(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        is_word = name in _SHOWN and len(value) <= _MOST_NAME_CHARACTERS and value.isascii() and value.isprintable()
        return value if is_word else f"<text, {len(value)} characters>"
    return "<whole number>" if isinstance(value, int) else "<number>"


def _name(key: str) -> str:
    return key if len(key) <= _MOST_NAME_CHARACTERS else key[:_MOST_NAME_CHARACTERS] + "..."
