"""The `Tracing` port on OpenTelemetry: spans are queued here, and sent by a thread that nobody waits for."""

import asyncio
import logging
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from athlete_ally import __version__
from athlete_ally.adapters.tracing.messages import WatchedInbox, WatchedPublisher
from athlete_ally.adapters.tracing.requests import WatchedApp
from athlete_ally.adapters.tracing.rows import WatchedStore
from athlete_ally.adapters.tracing.spans import Spans
from athlete_ally.core.ports import Asgi, Inbox, Log, Publisher, Store

# Orchestrators give ten seconds or more; most of them belong to the readings in progress.
FLUSH_WITHIN_S = 3.0


class OtelTracing:
    """Watches with spans of this provider. See the port."""

    def __init__(self, provider: TracerProvider) -> None:
        """Leave the global provider alone."""
        self._provider = provider
        self._spans = Spans(provider)

    def app(self, app: Asgi, paths: Sequence[str]) -> Asgi:
        """See the port."""
        return WatchedApp(app, paths, self._spans)

    def publisher(self, publisher: Publisher) -> Publisher:
        """See the port."""
        return WatchedPublisher(publisher, self._spans)

    def inbox(self, inbox: Inbox) -> Inbox:
        """See the port."""
        return WatchedInbox(inbox, self._spans)

    def store(self, store: Store) -> Store:
        """See the port."""
        return WatchedStore(store, self._spans)

    @contextmanager
    def step(self, name: str, stated: Mapping[str, str]) -> Generator[None]:
        """See the port."""
        with self._spans.begin(name, SpanKind.INTERNAL, stated, {}):
            yield

    async def close(self) -> None:
        """See the port."""
        loop = asyncio.get_running_loop()
        flushed = asyncio.Event()

        def flush() -> None:
            self._provider.shutdown()
            # The loop may be gone: nobody waited so long.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(flushed.set)

        # A daemon: a collector that does not answer must not keep the process from ending.
        threading.Thread(target=flush, daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(flushed.wait(), FLUSH_WITHIN_S)


class LogHandler(logging.Handler):
    """Says in our own log what the exporter complains of; each complaint once, and without what varies in it."""

    def __init__(self, log: Log) -> None:
        """Log to `log`."""
        super().__init__(logging.WARNING)
        self._log = log
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Say it, unless it was said before."""
        complaint = str(record.msg)
        if complaint not in self._said:
            self._said.add(complaint)
            self._log.warning("traces-trouble", complaint=complaint, logger=record.name)


def open_tracing(service: str, log: Log) -> OtelTracing:
    """Return tracing that exports by OTLP over HTTP; addresses, sampling and limits are those of OTEL_ variables.

    Raises:
        ValueError: one of them can't be used.
    """
    logger = logging.getLogger("opentelemetry")
    logger.handlers = [LogHandler(log)]
    logger.propagate = False
    named = OTELResourceDetector().detect().attributes
    ours = {"service.name": f"athlete-ally-{service}", "service.version": __version__}
    resource = Resource.create({name: value for name, value in ours.items() if name not in named})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OtelTracing(provider)
