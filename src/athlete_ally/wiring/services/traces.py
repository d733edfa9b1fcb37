"""Set up tracing. Tracing is optional: a problem with it never stops a service."""

from athlete_ally.adapters.tracing.none import NoTracing
from athlete_ally.config.trace_variables import adopt_trace_variables, is_traced, tracing_problem
from athlete_ally.core.ports import Log, Tracing


def build_tracing(service: str, log: Log) -> Tracing:
    """Return tracing as the standard variables configure it; if that fails, log why and trace nothing."""
    adopt_trace_variables()
    if not is_traced():
        return NoTracing()
    problem = tracing_problem()
    if not problem:
        try:
            # Imported only here: it takes a quarter of a second and is optional.
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
