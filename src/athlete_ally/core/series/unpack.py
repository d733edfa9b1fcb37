"""The series of unpacking webhooks; circuit breaker, holding and dead letters are in those of all workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from athlete_ally.core.broker import topology
from athlete_ally.core.series.declared import Series
from athlete_ally.core.vendor.webhook import UNPACK_RESULTS


@dataclass(frozen=True, slots=True)
class UnpackSeries:
    """What normalize exports about unpacking webhooks."""

    webhooks: Series
    readings: Series
    resources: Series
    unaccounted: Series


def unpack_series(vendors: Sequence[str], fetched: Sequence[str]) -> UnpackSeries:
    """Declare what normalize exports about the webhooks of these vendors; of those `fetched` an API is asked."""
    durables = (*map(topology.unpack_durable, vendors), *map(topology.fetch_durable, fetched))
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
        unaccounted=Series(
            "ledger_unaccounted_webhooks",
            "gauge",
            "Webhooks and documents in the stream that are neither pending for a durable nor on record as settled; "
            "must be 0.",
            ("durable",),
            tuple((durable,) for durable in durables),
        ),
    )
