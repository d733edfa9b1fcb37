"""What the API exports."""

from dataclasses import dataclass
from typing import Final

from athlete_ally.core.series.declared import FAST_S, Series, build_info

ROUTES: Final = ("changes", "kinds", "people", "person", "records", "person-records", "samples", "tokens")
_STATUSES: Final = ("200", "201", "304", "400", "401", "403", "404", "413", "429", "503")


@dataclass(frozen=True, slots=True)
class ApiSeries:
    """What the API exports."""

    requests: Series
    request_seconds: Series
    changes: Series
    ready: Series
    build: Series


def api_series() -> ApiSeries:
    """Declare what the API exports."""
    each = tuple((route,) for route in ROUTES)
    return ApiSeries(
        requests=Series(
            "api_requests_total",
            "counter",
            "Answers by route and status.",
            ("route", "status"),
            tuple((route, status) for route in ROUTES for status in _STATUSES),
        ),
        request_seconds=Series(
            "api_request_seconds",
            "histogram",
            "From request to answer; of a stream, until it begins. Waiting for changes included.",
            ("route",),
            each,
            FAST_S,
        ),
        changes=Series("api_changes_total", "counter", "Changes that readers of the feed were told."),
        ready=Series("api_ready", "gauge", "1 while the database answers."),
        build=build_info(),
    )
