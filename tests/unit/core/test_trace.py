"""Trace contexts: only what the standard allows is followed."""

import pytest

from athlete_ally.core.trace import trace_id

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_trace_context_has_an_id() -> None:
    """
    The second of the four fields.
    """
    assert trace_id(f"00-{TRACE}-b7ad6b7169203331-01") == TRACE


@pytest.mark.parametrize("traceparent", [None, "", TRACE, f"00-{TRACE}-b7ad6b7169203331", f"00-{TRACE.upper()}-b7-01"])
def test_anything_else_has_none(traceparent: str | None) -> None:
    """
    Whatever a stranger writes there goes into no log and no series.
    """
    assert trace_id(traceparent) is None
