"""What a scrape costs each service: rendering all its series, with every label set there and an example in each bucket.

    uv run benchmarks/scrape.py

Prints lines and milliseconds of processor time of a rendering (median and slowest of 200), in the process itself: what
a scrape adds to the event loop, without what other programs of the machine add to it. It talks to nobody, and that is
the point: figures of broker and database are kept ready.
"""

import statistics
import time
from collections.abc import Iterable

from athlete_ally.adapters.prometheus import PrometheusObserver
from athlete_ally.core.broker.topology import build_topology
from athlete_ally.core.series import (
    Series,
    broker_series,
    every,
    fetch_series,
    ingest_series,
    normalize_series,
    unpack_series,
    webhook_series,
)
from athlete_ally.measurements import KINDS
from athlete_ally.vendors import FETCHED, VENDORS

ROUNDS = 200
TRACE = "0af7651916cd43dd8448eb211c80319c"


def main() -> None:
    """Measure all services."""
    normalize = normalize_series(KINDS, VENDORS)
    broker = broker_series(
        build_topology(KINDS, VENDORS, fetched=FETCHED), [subject for *_, subject in normalize.dead_letters.values]
    )
    print(f"{'service':12}{'lines':>8}{'median ms':>12}{'slowest ms':>12}")
    measure("ingest", list(every(ingest_series(KINDS), webhook_series(VENDORS))))
    measure("normalize", list(every(normalize, broker, unpack_series(VENDORS, FETCHED))))
    measure("fetch", list(every(fetch_series(FETCHED))))


def measure(service: str, declared: list[Series]) -> None:
    """Print the cost of one service's series."""
    observer = PrometheusObserver(declared)
    fill(observer, declared)
    took_ms: list[float] = []
    for _ in range(ROUNDS):
        started_s = time.process_time()
        observer.exposition()
        took_ms.append((time.process_time() - started_s) * 1000)
    lines = observer.exposition().count(b"\n")
    print(f"{service:12}{lines:>8}{statistics.median(took_ms):>12.2f}{max(took_ms):>12.2f}")


def fill(observer: PrometheusObserver, declared: Iterable[Series]) -> None:
    """Put an observation with an example into every bucket."""
    for series in declared:
        for labels in series.values or ((),) * (not series.labels):
            for bucket in series.buckets:
                observer.observe(series, *labels, value=bucket, trace_id=TRACE)


if __name__ == "__main__":
    main()
