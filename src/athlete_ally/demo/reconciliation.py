"""The demo's reconciliation: every reading that was sent must be accounted for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from athlete_ally.demo.webhook_reconciliation import WebhookReconciliation


@dataclass(slots=True)
class Heard:
    """The answers that clients received, in readings."""

    sent: int = 0
    refused: int = 0
    accepted: int = 0
    duplicate: int = 0
    statuses: dict[int, int] = field(default_factory=dict[int, int])

    def hear(self, status: int, readings: int, *, duplicate: bool) -> None:
        """Count one answer. A reading neither accepted nor refused counts as unaccounted."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.sent += readings
        if 400 <= status < 500:  # noqa: PLR2004  # HTTP's class of client errors
            self.refused += readings
        elif status == 202:  # noqa: PLR2004  # the one success that ingest answers
            if duplicate:
                self.duplicate += readings
            else:
                self.accepted += readings


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Where all readings are, by the answers of ingest, the database and the streams.

    Clients sent readings; those of `vendors` were unpacked from their webhooks and documents. `repeated` are stored
    already, as normalize found.
    """

    heard: Heard
    vendors: Mapping[str, WebhookReconciliation]
    stored: int
    superseded: int
    repeated: int
    dead_lettered: int
    pending: int
    dead_letters_by_reason: Mapping[str, int]
    records: Mapping[str, int]
    latencies_ms: Sequence[float]
    servers: Mapping[str, str]
    seconds: float

    @property
    def unpacked(self) -> int:
        """Return how many readings came from vendors."""
        return sum(vendor.readings for vendor in self.vendors.values())

    @property
    def duplicates(self) -> int:
        """Return how many readings were duplicates, recognised by the stream or by normalize."""
        return self.heard.duplicate + self.repeated

    @property
    def unaccounted(self) -> int:
        """Return how many readings were sent and are nowhere; below zero, how many are somewhere twice."""
        found = self.heard.refused + self.duplicates + self.stored + self.superseded
        return self.heard.sent + self.unpacked - found - self.dead_lettered - self.pending

    @property
    def is_balanced(self) -> bool:
        """Tell whether nothing is lost and nothing is pending."""
        return (self.unaccounted, self.pending) == (0, 0) and all(each.is_balanced for each in self.vendors.values())

    def document(self) -> dict[str, Any]:
        """Return the reconciliation as a JSON document."""
        return {
            "readings": {
                "sent": self.heard.sent,
                "refused": self.heard.refused,
                "accepted": self.heard.accepted,
                "unpacked": self.unpacked,
                "duplicate": self.duplicates,
                "stored": self.stored,
                "superseded": self.superseded,
                "dead_lettered": self.dead_lettered,
                "pending": self.pending,
                "unaccounted": self.unaccounted,
            },
            "vendors": {name: vendor.document() for name, vendor in self.vendors.items()},
            "dead_letters_by_reason": dict(self.dead_letters_by_reason),
            "latency_ms": {"p50": percentile(self.latencies_ms, 50), "p99": percentile(self.latencies_ms, 99)},
            "records": dict(self.records),
            "servers": dict(self.servers),
            "seconds": round(self.seconds, 2),
        }


def percentile(values: Sequence[float], percent: int) -> float | None:
    """Return the smallest value that at least `percent` of all values do not exceed; None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 1)
