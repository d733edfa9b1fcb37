"""What every HTTP server of ours exports."""

from dataclasses import dataclass

from athlete_ally.core.http_limits import HTTP_CAUSES
from athlete_ally.core.series.declared import Series


@dataclass(frozen=True, slots=True)
class HttpSeries:
    """What every HTTP server of ours exports."""

    refusals: Series
    connections: Series
    most_connections: Series


def http_series() -> HttpSeries:
    """Declare what every HTTP server exports."""
    return HttpSeries(
        refusals=Series(
            "http_refusals_total",
            "counter",
            "Connections refused or closed before their request reached a route, by cause.",
            ("cause",),
            tuple((cause,) for cause in HTTP_CAUSES),
        ),
        connections=Series("http_connections", "gauge", "Open connections of senders."),
        most_connections=Series(
            "http_connections_limit",
            "gauge",
            "Connections that may be open at once: the setting, or what the descriptors of the process allow.",
        ),
    )
