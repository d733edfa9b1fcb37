"""What ingest exports."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal, get_args

from athlete_ally.core.series.declared import FAST_S, Series, build_info, denied

STATUSES: Final = ("202", "400", "401", "403", "404", "408", "413", "415", "422", "429", "503")

Cause = Literal[
    "invalid",
    "unauthorised",
    "unknown-kind",
    "too-slow",
    "too-large",
    "busy",
    "stream-full",
    "payload-limit",
    "broker",
    "journal",
    "stopping",
]
"""Why a request was refused: the first five are for the sender to fix, the others for us."""
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)


@dataclass(frozen=True, slots=True)
class IngestSeries:
    """What ingest exports."""

    requests: Series
    refusals: Series
    accepted: Series
    duplicates: Series
    request_seconds: Series
    publish_seconds: Series
    in_flight: Series
    most_in_flight: Series
    ready: Series
    denied: Series
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
        refusals=Series(
            "ingest_refusals_total",
            "counter",
            "Requests refused, by cause: `busy`, `stream-full`, `broker`, `journal` and `stopping` are for us to fix.",
            ("cause",),
            tuple((cause,) for cause in CAUSES),
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
            "ingest_request_seconds", "histogram", "Seconds from a request to its answer.", ("kind",), each, FAST_S
        ),
        publish_seconds=Series(
            "ingest_publish_seconds", "histogram", "Seconds until the stream acknowledged.", ("kind",), each, FAST_S
        ),
        in_flight=Series("ingest_requests_in_flight", "gauge", "Requests in progress now."),
        most_in_flight=Series(
            "ingest_requests_limit", "gauge", "Requests that may be in progress at once; one more is answered 429."
        ),
        ready=Series("ingest_ready", "gauge", "1 while the stream can be reached and written to, else 0."),
        denied=denied(),
        build=build_info(),
    )
