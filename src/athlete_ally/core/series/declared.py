"""What a declaration of a series is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

SeriesType = Literal["counter", "gauge", "histogram"]

# Publishing takes about a millisecond on a local disk with sync always, tens across availability zones.
FAST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
# From receipt to row: milliseconds when all is well, hours after an outage.
SLOW_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)


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


def every(*catalogues: Any) -> Iterator[Series]:
    """Yield each declared series of these catalogues: dataclasses of series, and mappings of such dataclasses."""
    for catalogue in catalogues:
        for field in fields(catalogue):
            value: Series | Mapping[str, Any] = getattr(catalogue, field.name)
            if isinstance(value, Series):
                yield value
            else:
                yield from every(*value.values())


def build_info() -> Series:
    """Declare the series that says what runs."""
    return Series("athlete_ally_build_info", "gauge", "Always 1; the labels say what runs.", ("service", "version"))


def denied() -> Series:
    """Declare the series of what the broker denies."""
    return Series(
        "nats_permission_violations_total",
        "counter",
        "Publishes and subscriptions that the broker denied for lack of permission.",
        ("action",),
        (("publish",), ("subscribe",)),
    )
