"""Traces are off unless they are asked for; problems with them are logged, and stop no service."""

import sys
from pathlib import Path

import pytest
from support.fakes import FakeLog

from athlete_ally.adapters.tracing.none import NoTracing
from athlete_ally.adapters.tracing.otel import OtelTracing
from athlete_ally.config.trace_variables import adopt_trace_variables, is_traced, tracing_problem
from athlete_ally.wiring.services.traces import build_tracing

ADDRESS = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "traced"),
    [
        ({}, False),
        (ADDRESS, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**ADDRESS, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ADDRESS, "OTEL_TRACES_EXPORTER": "zipkin"}, False),
        ({**ADDRESS, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_an_address_turns_traces_on(environment: dict[str, str], traced: bool) -> None:  # noqa: FBT001  # a parameter
    """
    By the standard variables alone; each of the ways to turn them off wins.
    """
    assert traced == is_traced(environment)


@pytest.mark.parametrize(
    ("environment", "has_problem"),
    [
        (ADDRESS, False),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, False),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, True),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, False),
    ],
)
def test_a_protocol_that_is_not_spoken_is_named(environment: dict[str, str], has_problem: bool) -> None:  # noqa: FBT001
    """
    Traces in the wrong protocol would vanish without a word.
    """
    assert has_problem == bool(tracing_problem(environment))


def test_variables_may_stand_in_the_env_file(tmp_path: Path) -> None:
    """
    OTEL_ variables of the file reach the library, and nothing else of it; what the environment says wins.
    """
    file = tmp_path / ".env"
    file.write_text("OTEL_EXPORTER_OTLP_ENDPOINT=http://file\nOTEL_SERVICE_NAME=file\nAA_SECRET=x\n", encoding="utf-8")
    environment = {"OTEL_SERVICE_NAME": "environment"}
    adopt_trace_variables(file, environment)

    assert environment == {"OTEL_SERVICE_NAME": "environment", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://file"}


async def test_without_the_extra_there_are_no_traces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    An address alone does not stop a service that was installed without the extra: it says what is missing.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    # None stands for a module that can't be imported.
    monkeypatch.setitem(sys.modules, "athlete_ally.adapters.tracing.otel", None)
    log = FakeLog()
    tracing = build_tracing("ingest", log)
    (line,) = log.lines

    assert (isinstance(tracing, NoTracing), line.event) == (True, "not-traced")
    assert "athlete-ally[otel]" in str(line.fields["remedy"])


@pytest.mark.parametrize(
    ("name", "value", "event"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9", "traced"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "not-traced"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1", "not-traced"),
    ],
)
async def test_a_service_works_without_its_traces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, event: str
) -> None:
    """
    What can't be used is said with a remedy, in one line, and the service goes on.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    log = FakeLog()
    tracing = build_tracing("ingest", log)
    await tracing.close()
    (line,) = log.lines

    assert (event, event == "traced") == (line.event, isinstance(tracing, OtelTracing))
    assert event == "traced" or (isinstance(tracing, NoTracing) and line.fields["remedy"])
