"""The catalogue of Prometheus series: every one that we export is declared here, and nowhere else.

A series that is not declared can't be reported; dashboards, rules and docs are checked against this list. Label values
come from closed lists, all initialised at start, since a counter that is born at 1 has no rate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any, Final, Literal

from athlete_ally.core import topology
from athlete_ally.core.verdict import REASONS

SeriesType = Literal["counter", "gauge", "histogram"]

MESSAGE_RESULTS: Final = ("success", "duplicate", "retry", "schema_invalid", "dlq")
READING_RESULTS: Final = ("success", "superseded", "duplicate", "schema_invalid", "dlq")
STATUSES: Final = ("202", "400", "401", "403", "404", "408", "413", "415", "422", "429", "503")

# Publishing takes about a millisecond on a local disk with sync always, tens across availability zones.
_FAST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
# From receipt to row: milliseconds when all is well, hours after an outage.
_SLOW_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)

_STREAM: Final = ("stream_name",)
_CONSUMER: Final = ("stream_name", "consumer_name")


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its name as Prometheus shows it, what it means, and its label sets.

    `labels` are in order; `values` are the label sets initialised at start (one empty set where there are no labels).
    """

    name: str
    type: SeriesType
    help: str
    labels: tuple[str, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class IngestSeries:
    """What ingest exports."""

    requests: Series
    accepted: Series
    duplicates: Series
    request_seconds: Series
    publish_seconds: Series
    in_flight: Series
    ready: Series
    build: Series


@dataclass(frozen=True, slots=True)
class KindSeries:
    """What normalize exports for one kind."""

    messages: Series
    readings: Series
    latency: Series
    unaccounted: Series


@dataclass(frozen=True, slots=True)
class NormalizeSeries:
    """What normalize exports."""

    kinds: Mapping[str, KindSeries]
    dead_letters: Series
    fuse: Series
    holding: Series
    broker_up: Series
    pending: Series
    ack_pending: Series
    redelivered: Series
    oldest_age: Series
    stream_messages: Series
    stream_bytes: Series
    stream_limit: Series
    dlq_depth: Series
    build: Series


def ingest_series(kinds: Sequence[str]) -> IngestSeries:
    """Declare what ingest exports for these kinds."""
    each = tuple((kind,) for kind in kinds)
    return IngestSeries(
        requests=Series(
            "ingest_requests_total",
            "counter",
            "Requests answered, by kind and status code.",
            ("kind", "status"),
            tuple(product((*kinds, "unknown"), STATUSES)),
        ),
        accepted=Series(
            "ingest_readings_accepted_total",
            "counter",
            "Readings that the stream took and did not hold.",
            ("kind",),
            each,
        ),
        duplicates=Series(
            "ingest_readings_duplicate_total", "counter", "Readings that the stream held already.", ("kind",), each
        ),
        request_seconds=Series(
            "ingest_request_seconds", "histogram", "Seconds from a request to its answer.", ("kind",), each, _FAST_S
        ),
        publish_seconds=Series(
            "ingest_publish_seconds", "histogram", "Seconds until the stream acknowledged.", ("kind",), each, _FAST_S
        ),
        in_flight=Series("ingest_requests_in_flight", "gauge", "Requests in hand now."),
        ready=Series("ingest_ready", "gauge", "1 while the stream can be reached and written to, else 0."),
        build=_build_info(),
    )


def normalize_series(kinds: Sequence[str]) -> NormalizeSeries:
    """Declare what normalize exports for these kinds."""
    durables = tuple((topology.CORE_HOT, topology.normalize_durable(kind)) for kind in kinds)
    streams = tuple((name,) for name in (topology.CORE_HOT, topology.VENDOR_HOT, topology.DLQ))
    letters = tuple(
        (topology.normalize_durable(kind), reason, topology.dead_letter_subject(kind, reason))
        for kind, reason in product(kinds, REASONS)
    )
    by_durable = tuple((topology.normalize_durable(kind),) for kind in kinds)
    return NormalizeSeries(
        kinds={kind: _kind_series(kind) for kind in kinds},
        dead_letters=Series(
            "dlq_messages_total", "counter", "Dead letters written.", ("consumer", "reason", "subject"), letters
        ),
        fuse=Series(
            "normalize_fuse_open", "gauge", "1 when too many dead letters stopped the worker.", ("durable",), by_durable
        ),
        holding=Series(
            "normalize_holding",
            "gauge",
            "1 while the worker holds its messages and waits for the broker or the database.",
            ("durable",),
            by_durable,
        ),
        broker_up=Series(
            "normalize_broker_scrape_success", "gauge", "1 when the broker's figures could be read, else 0."
        ),
        pending=Series(
            "jetstream_consumer_num_pending",
            "gauge",
            "Messages not yet delivered to the consumer.",
            _CONSUMER,
            durables,
        ),
        ack_pending=Series(
            "jetstream_consumer_num_ack_pending", "gauge", "Messages delivered and not settled.", _CONSUMER, durables
        ),
        redelivered=Series(
            "jetstream_consumer_num_redelivered", "gauge", "Messages delivered more than once.", _CONSUMER, durables
        ),
        oldest_age=Series(
            "normalize_oldest_unprocessed_seconds",
            "gauge",
            "Age of the oldest message that is not settled; 0 when there is none.",
            _CONSUMER,
            durables,
        ),
        stream_messages=Series("jetstream_stream_total_messages", "gauge", "Messages in the stream.", _STREAM, streams),
        stream_bytes=Series("jetstream_stream_total_bytes", "gauge", "Bytes in the stream.", _STREAM, streams),
        stream_limit=Series("jetstream_stream_limit_bytes", "gauge", "max_bytes of the stream.", _STREAM, streams),
        dlq_depth=Series(
            "dlq_messages_waiting",
            "gauge",
            "Dead letters in AA_DLQ now, by subject.",
            ("subject",),
            tuple((subject,) for _, _, subject in letters),
        ),
        build=_build_info(),
    )


def every(catalogue: IngestSeries | NormalizeSeries) -> Iterator[Series]:
    """Yield each declared series of a service."""
    for field in fields(catalogue):
        value: Series | Mapping[str, KindSeries] = getattr(catalogue, field.name)
        if isinstance(value, Series):
            yield value
        else:
            yield from (getattr(kind, each.name) for kind in value.values() for each in fields(kind))


def _build_info() -> Series:
    return Series("athlete_ally_build_info", "gauge", "Always 1; the labels say what runs.", ("service", "version"))


def _kind_series(kind: str) -> KindSeries:
    where = (topology.raw_subject(kind), topology.CORE_HOT, topology.normalize_durable(kind))
    by_result: dict[str, Any] = {"type": "counter", "labels": ("result", "subject", "stream", "durable")}
    return KindSeries(
        messages=Series(
            f"normalize_{kind}_messages_total",
            help=f"Deliveries of {kind} messages, by result.",
            values=tuple((result, *where) for result in MESSAGE_RESULTS),
            **by_result,
        ),
        readings=Series(
            f"normalize_{kind}_readings_total",
            help=f"Readings of {kind} in settled messages, by result.",
            values=tuple((result, *where) for result in READING_RESULTS),
            **by_result,
        ),
        latency=Series(
            f"normalize_{kind}_latency_seconds",
            "histogram",
            f"Seconds from the receipt of a {kind} message at ingest until its records were stored.",
            buckets=_SLOW_S,
        ),
        unaccounted=Series(
            f"ledger_{kind}_unaccounted_messages",
            "gauge",
            f"Messages of {kind} in the stream that are neither pending nor on record as settled; must be 0.",
        ),
    )
