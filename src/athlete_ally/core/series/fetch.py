"""What fetch exports."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from athlete_ally.core.broker import topology
from athlete_ally.core.series.declared import Series, build_info, denied
from athlete_ally.core.verdict import REASONS

CONNECT_OUTCOMES: Final = ("connected", "refused", "unavailable")
FETCH_RESULTS: Final = ("fetched", "gone", "ignored", "later", "withdrawn", "unknown", "refused")


@dataclass(frozen=True, slots=True)
class FetchSeries:
    """What fetch exports."""

    connects: Series
    resources: Series
    refreshes: Series
    dead_letters: Series
    paused: Series
    holding: Series
    build: Series
    denied: Series


def fetch_series(vendors: Sequence[str]) -> FetchSeries:
    """Declare what fetch exports for these vendors."""
    each = tuple((vendor,) for vendor in vendors)
    return FetchSeries(
        connects=Series(
            "vendor_connects_total",
            "counter",
            "People who came to connect an account, by vendor and result.",
            ("vendor", "result"),
            tuple(product(vendors, CONNECT_OUTCOMES)),
        ),
        resources=Series(
            "fetch_resources_total",
            "counter",
            "Resources that webhooks named, by vendor and result; `later` counts every time that one was put off.",
            ("vendor", "result"),
            tuple(product(vendors, FETCH_RESULTS)),
        ),
        refreshes=Series(
            "fetch_refreshes_total", "counter", "Access tokens that were not valid any more.", ("vendor",), each
        ),
        dead_letters=Series(
            "dlq_messages_total",
            "counter",
            "Dead letters written.",
            ("consumer", "reason", "subject"),
            tuple(
                (topology.fetch_durable(vendor), reason, topology.webhook_letter_subject(vendor, reason))
                for vendor, reason in product(vendors, REASONS)
            ),
        ),
        paused=Series(
            "fetch_paused", "gauge", "1 while a vendor is not asked: it is down, or said so.", ("vendor",), each
        ),
        holding=Series("fetch_holding", "gauge", "1 while fetch waits for broker or database.", ("vendor",), each),
        build=build_info(),
        denied=denied(),
    )
