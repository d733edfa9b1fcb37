"""Logging: events with fields; JSON for machines, readable on a terminal."""

import logging
import sys
from typing import Literal, TextIO

import structlog

from athlete_ally.adapters.log_rate import LogRate
from athlete_ally.core.ports import Log

Format = Literal["auto", "json", "pretty"]


def build_log(service: str, *, level: str, form: Format, stream: TextIO | None = None) -> Log:
    """Return a logger that names the service in each line and writes to `stream` (standard error by default)."""
    out = stream or sys.stderr
    pretty = form == "pretty" or (form == "auto" and out.isatty())
    renderer = structlog.dev.ConsoleRenderer(colors=out.isatty()) if pretty else structlog.processors.JSONRenderer()
    return structlog.wrap_logger(
        structlog.WriteLoggerFactory(file=out)(),
        processors=[
            LogRate(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        service=service,
    )
