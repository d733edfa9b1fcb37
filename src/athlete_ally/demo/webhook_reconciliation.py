"""The demo's reconciliation of vendors: every webhook, document and reading must be accounted for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReconciliation:
    """What one simulated vendor sent, and where it is.

    Of the webhooks `sent`, those `forged` were signed with another secret; `refused` is what was answered 401, and
    `counted` what ingest's series says of it. `duplicates` were in the stream already. `webhooks` and `documents` say
    by result how many have a receipt; the documents are what webhooks `named` and fetch asked for. `complaints` say
    what was wrong with a handshake; None where the vendor has none.
    """

    title: str
    people: int
    complaints: Sequence[str] | None
    sent: int
    forged: int
    refused: int
    counted: int
    duplicates: int
    webhooks: Mapping[str, int]
    named: int
    documents: Mapping[str, int]
    readings: int

    @property
    def unaccounted(self) -> int:
        """Return how many webhooks were sent and are nowhere; below zero, how many are somewhere twice."""
        return self.sent - self.refused - self.duplicates - sum(self.webhooks.values())

    @property
    def not_fetched(self) -> int:
        """Return how many documents were named and are nowhere; below zero, how many are somewhere twice."""
        return self.named - sum(self.documents.values())

    @property
    def is_balanced(self) -> bool:
        """Tell whether nothing is lost, no forgery was accepted, and the handshake was right."""
        is_complete = (self.unaccounted, self.not_fetched) == (0, 0)
        return is_complete and self.forged == self.refused == self.counted and not self.complaints

    def document(self) -> dict[str, Any]:
        """Return the reconciliation as a JSON document."""
        return {
            "people": self.people,
            "handshake": None if self.complaints is None else list(self.complaints),
            "sent": self.sent,
            "forged": self.forged,
            "refused": self.refused,
            "counted_as_unverified": self.counted,
            "duplicates": self.duplicates,
            "webhooks": dict(self.webhooks),
            "named": self.named,
            "documents": dict(self.documents),
            "readings": self.readings,
            "unaccounted": self.unaccounted,
            "not_fetched": self.not_fetched,
        }


def together(reconciliation: Sequence[WebhookReconciliation]) -> WebhookReconciliation:
    """Return the sum of several reconciliations."""
    return WebhookReconciliation(
        title=" and ".join(each.title for each in reconciliation),
        people=sum(each.people for each in reconciliation),
        complaints=[complaint for each in reconciliation for complaint in each.complaints or ()],
        sent=sum(each.sent for each in reconciliation),
        forged=sum(each.forged for each in reconciliation),
        refused=sum(each.refused for each in reconciliation),
        counted=sum(each.counted for each in reconciliation),
        duplicates=sum(each.duplicates for each in reconciliation),
        webhooks=_summed([each.webhooks for each in reconciliation]),
        named=sum(each.named for each in reconciliation),
        documents=_summed([each.documents for each in reconciliation]),
        readings=sum(each.readings for each in reconciliation),
    )


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for each in counts for name in each)
    return {name: sum(each.get(name, 0) for each in counts) for name in names}
