"""What normalize exports about unpacking webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from athlete_ally.core import topology
from athlete_ally.core.series.declared import Series
from athlete_ally.core.verdict import VENDOR_REASONS
from athlete_ally.core.webhook_books import UNPACK_RESULTS


@dataclass(frozen=True, slots=True)
class UnpackSeries:
    """What normalize exports about unpacking webhooks."""

    webhooks: Series
    readings: Series
    resources: Series
    dead_letters: Series
    fuse: Series


def unpack_series(vendors: Sequence[str]) -> UnpackSeries:
    """Declare what normalize exports about the webhooks of these vendors."""
    each = tuple((vendor,) for vendor in vendors)
    return UnpackSeries(
        webhooks=Series(
            "unpack_webhooks_total",
            "counter",
            "Deliveries of webhooks, by result: `named` holds only ids of what has to be fetched.",
            ("vendor", "result"),
            tuple(product(vendors, UNPACK_RESULTS)),
        ),
        readings=Series("unpack_readings_total", "counter", "Readings published out of webhooks.", ("vendor",), each),
        resources=Series(
            "unpack_resources_total", "counter", "Resources that webhooks name and do not hold.", ("vendor",), each
        ),
        dead_letters=Series(
            "unpack_dead_letters_total",
            "counter",
            "Dead letters written for webhooks.",
            ("vendor", "subject"),
            tuple(
                (vendor, topology.webhook_letter_subject(vendor, reason))
                for vendor in vendors
                for reason in VENDOR_REASONS
            ),
        ),
        fuse=Series("unpack_fuse_open", "gauge", "1 when too many dead letters stopped the worker.", ("vendor",), each),
    )
