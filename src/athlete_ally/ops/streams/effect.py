"""How dangerous a change is, and how that is said. Pure."""

import json
from typing import Any, Literal

import msgspec
from msgspec import Struct

from athlete_ally.core.units_text import Size, Span
from athlete_ally.ops.streams.deletion_forecast import Loss

Danger = Literal["safe", "service-affecting", "destructive", "one-way", "impossible"]
"""From harmless to not possible at all; a person has to allow everything from `destructive` on."""

_SPANS = {"max_age", "duplicate_window", "ack_wait", "inactive_threshold", "subject_delete_marker_ttl"}
_SIZES = {"max_bytes", "max_msg_size"}


class ChangeRisk(Struct, frozen=True):
    """How dangerous a change is, why, and what to do about it."""

    danger: Danger
    reason: str = ""
    remedy: str = ""


def is_smaller(before: int | None, after: int | None) -> bool:
    """Tell whether a limit shrinks; zero, a negative number and nothing at all mean no limit."""
    old, new = before or 0, after or 0
    return new > 0 and (old <= 0 or new < old)


def span_of(nanoseconds: int) -> str:
    """Return a duration of the server as people say it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{nanoseconds / 1e9:g}s" if rest else str(Span(seconds))


def value_text(field: str, value: Any) -> str:
    """Return a value in the units that people think in."""
    if isinstance(value, int) and not isinstance(value, bool):
        if field in _SPANS:
            return span_of(value) if value > 0 else "unlimited"
        if field in _SIZES:
            return str(Size(value)) if value > 0 else "unlimited"
    if field == "metadata" and isinstance(value, dict):
        return f"{len(msgspec.convert(value, dict[str, str]))} notes"
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)


def loss_text(loss: Loss) -> str:
    """Say how much is deleted, and what of it somebody still needs."""
    about = "" if loss.exact else "about "
    oldest = f" (oldest {loss.oldest[:10]})" if loss.oldest else ""
    text = f"would delete {about}{loss.messages:,} of {loss.of:,} messages{oldest}"
    waiting = [f"{count:,} of them not yet acknowledged by {name}" for name, count in loss.unacknowledged.items()]
    return ", ".join((text, *waiting))
