"""W3C trace contexts, as they travel in headers: https://www.w3.org/TR/trace-context/#traceparent-header.

What comes from outside may be anything: only what the standard allows is followed, everything else is as if not there.
"""

import re
from collections.abc import Mapping
from typing import Final

from athlete_ally.core.messages.headers import TRACEPARENT
from athlete_ally.core.messages.message import Delivery

_VALID: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
_SAMPLED = 1


def trace_id(traceparent: str | None) -> str | None:
    """Return the trace id of a `traceparent`, or None where there is none that anybody could follow."""
    found = _VALID.fullmatch(traceparent or "")
    return found[1] if found else None


def sampled_trace_id(traceparent: str | None) -> str | None:
    """Return the trace id, if somebody records that trace: an example that leads nowhere helps nobody."""
    found = _VALID.fullmatch(traceparent or "")
    return found[1] if found and int(found[2], 16) & _SAMPLED else None


def handed_on(stated: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with which a message that follows from one with these headers stays in its trace."""
    traceparent = stated.get(TRACEPARENT)
    return {TRACEPARENT: traceparent} if traceparent and trace_id(traceparent) else {}


def log_fields(stated: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that lead from a log line to the trace of what has these headers."""
    found = trace_id(stated.get(TRACEPARENT))
    return {"trace_id": found} if found else {}


def about(delivery: Delivery) -> dict[str, object]:
    """Return the fields of a log line about a delivery."""
    return {"sequence": delivery.sequence, "attempt": delivery.attempt, **log_fields(delivery.headers)}
