"""Counts and logs the connections that were refused."""

from dataclasses import dataclass, field

from athlete_ally.core.http_limits import HttpCause
from athlete_ally.core.ports import Log, Observer
from athlete_ally.core.series import HttpSeries, http_series


@dataclass(frozen=True, slots=True)
class RefusalReport:
    """Counts and logs each refusal; the log bounds its rate. Without an `observer` it only logs."""

    log: Log | None = None
    observer: Observer | None = None
    series: HttpSeries = field(default_factory=http_series)

    def refused(self, cause: HttpCause, address: str) -> None:
        """Report one refusal."""
        if self.observer is not None:
            self.observer.count(self.series.refusals, cause)
        if self.log is not None:
            self.log.warning("connection-refused", cause=cause, address=address)

    def gauge(self, *, connections: int, most: int) -> None:
        """Report how many connections are open, and how many may be."""
        if self.observer is not None:
            self.observer.set(self.series.connections, value=connections)
            self.observer.set(self.series.most_connections, value=most)
