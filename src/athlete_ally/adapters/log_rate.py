"""Bounds how often the log repeats a line that any sender can cause."""

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

_LINES: Final = 20
_PERIOD_S: Final = 10.0
# What strangers can cause, as often as they like.
_EVENTS: Final = {"connection-refused", "refused", "webhook-handshake", "webhook-refused", "webhook-unverified"}


@dataclass(slots=True)
class _Period:
    """The lines of one kind since `started_s`."""

    started_s: float
    lines: int = 0
    suppressed: int = 0


@dataclass(slots=True)
class LogRate:
    """A processor of structlog: of each event and status or cause, 20 lines in ten seconds.

    The next line that is written says how many were not (`suppressed`); the series count all of them.
    """

    clock: Callable[[], float] = time.monotonic
    _periods: dict[tuple[str, ...], _Period] = field(default_factory=dict[tuple[str, ...], _Period])

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the line, or drop it."""
        if line.get("event") not in _EVENTS:
            return line
        now_s = self.clock()
        # Closed lists, so that senders can't fill memory with keys.
        key = tuple(str(line.get(name)) for name in ("event", "status", "cause"))
        period = self._periods.setdefault(key, _Period(now_s))
        if now_s - period.started_s >= _PERIOD_S:
            period.started_s, period.lines = now_s, 0
        if period.lines >= _LINES:
            period.suppressed += 1
            raise structlog.DropEvent
        period.lines += 1
        if period.suppressed:
            line["suppressed"], period.suppressed = period.suppressed, 0
        return line
