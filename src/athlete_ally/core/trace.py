"""Reading a W3C trace context: https://www.w3.org/TR/trace-context/#traceparent-header."""

import re
from typing import Final

TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id(traceparent: str | None) -> str | None:
    """Return the trace id of a `traceparent`, or None where there is none that anybody could follow."""
    found = TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found else None
