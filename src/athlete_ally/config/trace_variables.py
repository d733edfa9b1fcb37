"""Tracing settings: the standard variables of OpenTelemetry, which its own library reads."""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from athlete_ally.config.vendor_secrets import configured_values

PREFIX = "OTEL_"
_ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def adopt_trace_variables(env_file: Path | None = None, environment: MutableMapping[str, str] = os.environ) -> None:
    """Copy the OTEL_ variables of `.env` to the environment, where the library reads them; set variables win."""
    for name, value in configured_values(env_file, environment).items():
        if name.startswith(PREFIX):
            environment[name] = value


def is_traced(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether tracing is on: an endpoint or the exporter is set, and nothing turns it off."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter == "otlp" or (not exporter and any(environment.get(name) for name in _ADDRESSES))


def tracing_problem(environment: Mapping[str, str] = os.environ) -> str:
    """Return why requested traces can't be sent; empty when they can."""
    stated = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "http/protobuf")
    return "" if stated == "http/protobuf" else f"{stated} is not supported: use http/protobuf (port 4318)"
