"""Trace contexts: only what the standard allows is followed."""

import pytest

from athlete_ally.core.messages.trace import handed_on, log_fields, sampled_trace_id, trace_id

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_trace_context_has_an_id() -> None:
    """
    The second of the four fields.
    """
    assert trace_id(f"00-{TRACE}-b7ad6b7169203331-01") == TRACE


NONE = [
    None,
    "",
    TRACE,
    f"00-{TRACE}-b7ad6b7169203331",
    f"00-{TRACE}-b7ad6b7169203331-01-and-more",
    f"00-{TRACE.upper()}-b7ad6b7169203331-01",
    f"00-{TRACE}-b7ad6b7169203331-01\n",
    f"ff-{TRACE}-b7ad6b7169203331-01",
    f"00-{'0' * 32}-b7ad6b7169203331-01",
    f"00-{TRACE}-{'0' * 16}-01",
    "x" * 100_000,
]


@pytest.mark.parametrize("traceparent", NONE)
def test_anything_else_has_none(traceparent: str | None) -> None:
    """
    Whatever a stranger writes there goes into no log, no series and no message; ids of zeros are none.
    """
    stated = {} if traceparent is None else {"traceparent": traceparent}

    assert (
        trace_id(traceparent),
        sampled_trace_id(traceparent),
        handed_on(stated),
        log_fields(stated),
    ) == (None, None, {}, {})


@pytest.mark.parametrize(("flags", "example"), [("01", TRACE), ("03", TRACE), ("00", None), ("02", None)])
def test_only_a_recorded_trace_is_an_example(flags: str, example: str | None) -> None:
    """
    A trace that nobody records is handed on and logged, and no histogram leads to it.
    """
    stated = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-{flags}", "Other": "header"}

    assert (example, {"traceparent": stated["traceparent"]}, {"trace_id": TRACE}) == (
        sampled_trace_id(stated["traceparent"]),
        handed_on(stated),
        log_fields(stated),
    )
