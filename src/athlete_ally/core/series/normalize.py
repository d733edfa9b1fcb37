"""What normalize exports of its own work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from athlete_ally.core.broker import topology
from athlete_ally.core.circuit_breaker import STATES
from athlete_ally.core.series.declared import SLOW_S, Series, build_info, denied
from athlete_ally.core.verdict import REASONS, VENDOR_REASONS

MESSAGE_RESULTS: Final = ("success", "duplicate", "retry", "schema_invalid", "dlq")
READING_RESULTS: Final = ("success", "superseded", "duplicate", "schema_invalid", "dlq")

FRESH_S: Final = 60.0
"""A reading counts as fresh when it is stored within so many seconds: the freshness objective."""
ADVISORY_RESULTS: Final = ("letter", "ours", "gone", "unreadable")


@dataclass(frozen=True, slots=True)
class KindSeries:
    """What normalize exports for one kind."""

    messages: Series
    readings: Series
    fresh: Series
    latency: Series
    unaccounted: Series


@dataclass(frozen=True, slots=True)
class NormalizeSeries:
    """What normalize exports of its own work."""

    kinds: Mapping[str, KindSeries]
    dead_letters: Series
    breaker: Series
    breaker_state: Series
    holding: Series
    advisories: Series
    denied: Series
    build: Series


def normalize_series(kinds: Sequence[str], vendors: Sequence[str]) -> NormalizeSeries:
    """Declare what normalize exports for these kinds, and for the webhooks of these vendors."""
    letters = tuple(
        (topology.normalize_durable(kind), reason, topology.dead_letter_subject(kind, reason))
        for kind, reason in product(kinds, REASONS)
    )
    letters += tuple(
        (topology.unpack_durable(vendor), reason, topology.webhook_letter_subject(vendor, reason))
        for vendor, reason in product(vendors, VENDOR_REASONS)
    )
    by_durable = tuple((topology.normalize_durable(kind),) for kind in kinds)
    by_durable += tuple((topology.unpack_durable(vendor),) for vendor in vendors)
    return NormalizeSeries(
        kinds={kind: _kind_series(kind) for kind in kinds},
        dead_letters=Series(
            "dlq_messages_total", "counter", "Dead letters written.", ("consumer", "reason", "subject"), letters
        ),
        breaker=Series(
            "normalize_fuse_open",
            "gauge",
            "1 while the circuit breaker is tripped or probing.",
            ("durable",),
            by_durable,
        ),
        breaker_state=Series(
            "normalize_fuse_state",
            "gauge",
            "State of the circuit breaker: 1 for the one it is in, else 0.",
            ("durable", "state"),
            tuple((durable, state) for (durable,) in by_durable for state in STATES),
        ),
        holding=Series(
            "normalize_holding",
            "gauge",
            "1 while the worker holds its messages and waits for the broker or the database.",
            ("durable",),
            (*by_durable, (topology.REAP_ADVISORIES_DURABLE,)),
        ),
        advisories=Series(
            "advisories_reaped_total",
            "counter",
            "Messages that the server abandoned, by what was done: a dead letter was written, our own worker had "
            "written it, the message was gone, or the advisory could not be read.",
            ("result",),
            tuple((result,) for result in ADVISORY_RESULTS),
        ),
        denied=denied(),
        build=build_info(),
    )


def _kind_series(kind: str) -> KindSeries:
    durable = topology.normalize_durable(kind)
    where = (topology.raw_subject(kind), topology.CORE_HOT, durable)
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
        fresh=Series(
            f"normalize_{kind}_readings_fresh_total",
            "counter",
            f"Readings of {kind} stored or superseded within {FRESH_S:g} s of their receipt at ingest.",
            ("durable",),
            ((durable,),),
        ),
        latency=Series(
            f"normalize_{kind}_latency_seconds",
            "histogram",
            f"Seconds from the receipt of a {kind} message at ingest until its records were stored.",
            ("durable",),
            ((durable,),),
            SLOW_S,
        ),
        unaccounted=Series(
            f"ledger_{kind}_unaccounted_messages",
            "gauge",
            f"Messages of {kind} in the stream that are neither pending nor on record as settled; must be 0.",
        ),
    )
