"""The `Observer` port on prometheus-client: only declared series, all label sets there from the start."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.openmetrics import exposition, parser

from athlete_ally.core.series import Series

CONTENT_TYPE = exposition.CONTENT_TYPE_LATEST
_generate: Callable[[CollectorRegistry], bytes] = exposition.generate_latest  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # untyped
_parse: Callable[[str], Iterable[Any]] = parser.text_string_to_metric_families  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # untyped


class PrometheusObserver:
    """Keeps the figures of one process; `exposition` is what `/metrics` answers."""

    def __init__(self, declared: Iterable[Series]) -> None:
        """Register every series and each of its label sets."""
        # A second series for each counter that nothing of ours asks for.
        disable_created_metrics()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._collectors: dict[str, Any] = {series.name: self._register(series) for series in declared}

    def count(self, series: Series, *labels: str, by: float = 1) -> None:
        """See the port."""
        self._child(series, labels).inc(by)

    def observe(self, series: Series, *labels: str, value: float, trace_id: str | None = None) -> None:
        """See the port."""
        self._child(series, labels).observe(value, {"trace_id": trace_id} if trace_id else None)

    def set(self, series: Series, *labels: str, value: float) -> None:
        """See the port."""
        self._child(series, labels).set(value)

    def exposition(self) -> bytes:
        """Return all figures in the OpenMetrics text format."""
        return _generate(self._registry)

    def _child(self, series: Series, labels: tuple[str, ...]) -> Any:
        collector = self._collectors[series.name]
        return collector.labels(*labels) if labels else collector

    def _register(self, series: Series) -> Any:
        collector = self._build(series)
        for values in series.values:
            collector.labels(*values)
        return collector

    def _build(self, series: Series) -> Any:
        match series.type:
            case "counter":
                return Counter(series.name, series.help, series.labels, registry=self._registry)
            case "gauge":
                return Gauge(series.name, series.help, series.labels, registry=self._registry)
            case "histogram":
                return Histogram(
                    series.name, series.help, series.labels, buckets=series.buckets, registry=self._registry
                )


def read_exposition(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Yield name, labels and value of every sample in a text that some `exposition` gave.

    Raises:
        ValueError: it is not such a text.
    """
    for family in _parse(text):
        for sample in family.samples:
            yield sample.name, sample.labels, float(sample.value)
