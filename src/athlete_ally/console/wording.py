"""Numbers formatted for people. Pure."""

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

_UNKNOWN = "–"  # noqa: RUF001  # an en dash, as tables of figures have it
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_PRECISE_BELOW = 10
_SHORTEST_S = 0.05
_KIB = 1024
_SLOWEST_PER_S = 0.05
# Above what a body takes on a page: see `masking`.
_MOST_CHARACTERS = 131_072
# Control characters, zero-width characters, and those that change the direction of text.
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def count(value: float | None) -> str:
    """Return a number of things, as `12,345`."""
    return _UNKNOWN if value is None else f"{value:,.0f}"


def counted(number: float, noun: str) -> str:
    """Return a number of things by name, as `1 letter` or `12 letters`."""
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def span(seconds: float | None) -> str:
    """Return a span of time, as `35 ms`, `4 s`, `12 min`, `3 h 20 min` or `6 d 4 h`; infinity is `never`."""
    if seconds is None:
        return _UNKNOWN
    if math.isinf(seconds):
        return "never"
    if seconds < _MINUTE_S:
        return _short(seconds)
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < _DAY_S:
        return _two(int(seconds), _HOUR_S, "h", _MINUTE_S, "min")
    return _two(int(seconds), _DAY_S, "d", _HOUR_S, "h")


def size(number_of_bytes: float | None) -> str:
    """Return a size, as `3.4 MiB`."""
    if number_of_bytes is None:
        return _UNKNOWN
    value, units = float(number_of_bytes), ["bytes", "KiB", "MiB", "GiB"]
    while value >= _KIB and len(units) > 1:
        value /= _KIB
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" or value >= _PRECISE_BELOW else f"{value:.1f} {units[0]}"


def rate(per_second: float | None) -> str:
    """Return a rate, as `120/s` or `0.4/s`."""
    if per_second is None:
        return _UNKNOWN
    if 0 < per_second < _SLOWEST_PER_S:
        return "< 0.1/s"
    return f"{per_second:,.0f}/s" if per_second == 0 or per_second >= _PRECISE_BELOW else f"{per_second:.1f}/s"


def figure(value: float) -> str:
    """Return a measured value with at most two decimals, without trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def share(part: float | None) -> str:
    """Return a share as per cent."""
    return _UNKNOWN if part is None else f"{part:.0%}"


def moment(at: datetime) -> str:
    """Return an instant in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def details(stated: Mapping[str, Any]) -> str:
    """Return the details of a journal entry; message ids and empty values are left out."""
    named = ((name.replace("_", " "), value) for name, value in stated.items() if name != "message_id" and value)
    return "; ".join(f"{name}: {value if isinstance(value, str) else as_json(value)}" for name, value in named)


def segment(text: str) -> str:
    """Return any text as one escaped path segment."""
    return quote(text, safe="")


def as_json(value: Any) -> str:
    """Return a value as it appears in a message."""
    return json.dumps(value, ensure_ascii=False)


def visible(value: Any) -> Any:
    """Return a text, bounded, with invisible and direction-changing characters replaced by their code points.

    Every value on every page passes through here.
    """
    if isinstance(value, list | tuple | dict):
        value = str(value)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  # any
    if type(value) is not str:
        return value
    if len(value) > _MOST_CHARACTERS:
        value = f"{value[:_MOST_CHARACTERS]}... <{len(value) - _MOST_CHARACTERS} more characters>"
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", value)


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago an instant was."""
    return f"{span(max(0.0, (now - at).total_seconds()))} ago"


def seconds_ago(seconds: float) -> str:
    """Return how long ago something was, in whole seconds below a minute."""
    return f"{seconds:.0f} s ago" if seconds < _MINUTE_S else f"{span(seconds)} ago"


def _short(seconds: float) -> str:
    if 0 < seconds < _SHORTEST_S:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if 0 < seconds < _PRECISE_BELOW else f"{seconds:.0f} s"


def _two(seconds: int, large_s: int, large: str, small_s: int, small: str) -> str:
    whole, rest = divmod(seconds, large_s)
    return f"{whole} {large} {rest // small_s} {small}" if rest >= small_s else f"{whole} {large}"
