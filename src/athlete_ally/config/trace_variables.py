"""Whether services are traced: by the standard variables of OpenTelemetry, which its own code reads."""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from athlete_ally.config.vendor_secrets import configured_values

PREFIX = "OTEL_"
_ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def adopt_trace_variables(env_file: Path | None = None, environment: MutableMapping[str, str] = os.environ) -> None:
    """Put the OTEL_ variables of `.env` into the environment, where the library looks for them; what is there wins."""
    for name, value in configured_values(env_file, environment).items():
        if name.startswith(PREFIX):
            environment[name] = value


def is_traced(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether traces are asked for: an address is set, or the exporter named, and nothing turns them off."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter == "otlp" or (not exporter and any(environment.get(name) for name in _ADDRESSES))


def trace_trouble(environment: Mapping[str, str] = os.environ) -> str:
    """Return why traces that are asked for can't be sent; empty where they can."""
    stated = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "http/protobuf")
    return "" if stated == "http/protobuf" else f"{stated} is not spoken here: http/protobuf is (port 4318)"
