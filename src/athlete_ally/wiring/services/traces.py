"""Choosing how a service is traced. Traces are an extra: trouble with them never keeps a service from its work."""

from athlete_ally.adapters.tracing.none import NoTracing
from athlete_ally.config.trace_variables import adopt_trace_variables, is_traced, trace_trouble
from athlete_ally.core.ports import Log, Tracing


def build_tracing(service: str, log: Log) -> Tracing:
    """Return tracing as the standard variables ask for it; where it can't be had, say why, and trace nothing."""
    adopt_trace_variables()
    if not is_traced():
        return NoTracing()
    problem = trace_trouble()
    if not problem:
        try:
            # Only here: it takes a quarter of a second, and need not be installed.
            from athlete_ally.adapters.tracing.otel import open_tracing  # noqa: PLC0415

            tracing = open_tracing(service, log)
        except ImportError:
            problem = "OpenTelemetry is not installed: pip install 'athlete-ally[otel]'"
        except ValueError as error:
            problem = str(error)
        else:
            log.info("traced")
            return tracing
    log.warning("not-traced", remedy=problem)
    return NoTracing()
