"""Log lines: JSON for machines, and for people at a terminal something to read."""

import io
import json
from typing import Any

import pytest

from athlete_ally.adapters.logs import Format, build_log


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def written(out: io.StringIO, form: Format, **fields: Any) -> str:
    """Return what a warning looks like."""
    build_log("ingest", level="info", form=form, stream=out).warning("refused", **fields)
    return out.getvalue()


@pytest.mark.parametrize(("out", "form"), [(io.StringIO, "auto"), (io.StringIO, "json"), (Terminal, "json")])
def test_a_line_is_json_off_a_terminal(out: type[io.StringIO], form: Format) -> None:
    """
    One document a line, with service, level, time and every field; no colours.
    """
    text = written(out(), form, trace_id="0af7", status=422)
    line = json.loads(text)
    at = line.pop("timestamp")

    assert line == {"service": "ingest", "event": "refused", "level": "warning", "trace_id": "0af7", "status": 422}
    assert (at[-1], text[-1], text.count("\n")) == ("Z", "\n", 1)


@pytest.mark.parametrize(("out", "form", "coloured"), [(Terminal, "auto", True), (io.StringIO, "pretty", False)])
def test_a_line_is_readable_on_a_terminal(out: type[io.StringIO], form: Format, coloured: bool) -> None:  # noqa: FBT001
    """
    Words instead of JSON; colours only on a terminal.
    """
    text = written(out(), form, trace_id="0af7")

    assert (False, True, coloured) == (text.startswith("{"), "refused" in text and "0af7" in text, "\x1b[" in text)
