"""What ingest exports about webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from athlete_ally.core.series.declared import Series
from athlete_ally.core.vendor import signature

WEBHOOK_STATUSES: Final = ("200", "201", "204", "400", "401", "404", "405", "408", "413", "429", "503")


@dataclass(frozen=True, slots=True)
class WebhookSeries:
    """What ingest exports about webhooks."""

    requests: Series
    unverified: Series
    accepted: Series
    duplicates: Series


def webhook_series(vendors: Sequence[str]) -> WebhookSeries:
    """Declare what ingest exports for these vendors."""
    each = tuple((vendor,) for vendor in vendors)
    return WebhookSeries(
        requests=Series(
            "webhook_requests_total",
            "counter",
            "Requests of vendors answered, handshakes included, by vendor and status code.",
            ("vendor", "status"),
            tuple(product((*vendors, "unknown"), WEBHOOK_STATUSES)),
        ),
        unverified=Series(
            "webhook_verification_failures_total",
            "counter",
            "Requests that were not proven to come from the vendor, by cause; nothing of them is kept.",
            ("vendor", "cause"),
            tuple(product(vendors, signature.CAUSES)),
        ),
        accepted=Series(
            "webhook_accepted_total", "counter", "Webhooks that the stream took and did not hold.", ("vendor",), each
        ),
        duplicates=Series(
            "webhook_duplicates_total", "counter", "Webhooks that the stream held already.", ("vendor",), each
        ),
    )
