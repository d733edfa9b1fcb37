"""Readings sent from the page, and their progress."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from athlete_ally.ops.people.lineage import Row

_MOST_KEPT = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """The response of ingest, and how many milliseconds it took."""

    status: int
    document: Mapping[str, Any]
    took_ms: float

    @property
    def is_accepted(self) -> bool:
        """Tell whether the stream holds it."""
        return self.status == 202  # noqa: PLR2004  # the only success status of ingest

    @property
    def message_id(self) -> str:
        """Return the message id."""
        return str(self.document.get("id", ""))


Send = Callable[[str, bytes], Awaitable[Answer]]
"""Sends a body to ingest's route of a kind, as a client does."""


@dataclass(frozen=True, slots=True)
class SentReadings:
    """The progress of a reading: the response, its receipt, and its dead letter if it failed."""

    kind: str
    answer: Answer
    receipt: Row | None = None
    letter: int | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will happen to it."""
        if not self.answer.is_accepted:
            return True
        return self.receipt is not None and (not self.receipt["dead_lettered"] or self.letter is not None)


@dataclass(slots=True)
class Sent:
    """The readings sent lately, each by a key."""

    _by_key: dict[str, tuple[str, Answer]] = field(default_factory=dict[str, tuple[str, Answer]])

    def keep(self, key: str, kind: str, answer: Answer) -> None:
        """Keep a response; drop the oldest."""
        self._by_key[key] = kind, answer
        while len(self._by_key) > _MOST_KEPT:
            self._by_key.pop(next(iter(self._by_key)))

    def find(self, key: str) -> tuple[str, Answer] | None:
        """Return the kind and the response."""
        return self._by_key.get(key)
