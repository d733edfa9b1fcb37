"""Which dead letters a command is about: filters that combine. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from athlete_ally.core.messages.dead_letter import Letter, Shelf


@dataclass(frozen=True, slots=True)
class Selection:
    """Letters that fulfil all of these; what is None or empty asks for nothing.

    `subject` may hold `*`. `older_than` and `newer_than` are ages at the time of asking. `sequences` names letters.
    """

    shelf: Shelf = "waiting"
    sequences: frozenset[int] = frozenset()
    reason: str | None = None
    kind: str | None = None
    vendor: str | None = None
    sender: str | None = None
    subject: str | None = None
    fingerprint: str | None = None
    durable: str | None = None
    worker_version: str | None = None
    older_than: timedelta | None = None
    newer_than: timedelta | None = None

    @property
    def wire_subject(self) -> str:
        """Return a subject, with wildcards of NATS, that covers every letter asked for, and few others."""
        shelf = "dlq" if self.shelf == "waiting" else f"dlq.{self.shelf}"
        if self.kind is not None:
            return f"{shelf}.normalize.{self.kind}.>"
        if self.vendor is not None:
            return f"{shelf}.vendor.{self.vendor}.>"
        return f"{shelf}.>"

    def takes(self, letter: Letter, now: datetime) -> bool:
        """Tell whether a letter is asked for."""
        stated = (
            (self.reason, letter.reason),
            (self.kind, letter.kind),
            (self.vendor, letter.vendor),
            (self.sender, letter.sender),
            (self.durable, letter.durable),
            (self.worker_version, letter.worker_version),
        )
        return (
            letter.shelf == self.shelf
            and (not self.sequences or letter.sequence in self.sequences)
            and all(wanted is None or wanted == found for wanted, found in stated)
            # As with git, the beginning of a fingerprint will do.
            and (self.fingerprint is None or letter.fingerprint.startswith(self.fingerprint))
            and (self.subject is None or fnmatchcase(letter.waiting_subject, self.subject))
            and _is_of_age(now - letter.dead_since, self)
        )

    def document(self) -> dict[str, Any]:
        """Return it as JSON, as the journal keeps it; `selection_of` reads it back."""
        return {name: value for name, value in msgspec.to_builtins(self).items() if value not in (None, [])}

    @property
    def is_everything(self) -> bool:
        """Tell whether nothing is asked for: a command that changes things wants to be told so in words."""
        return self == Selection(shelf=self.shelf)


def selection_of(document: Mapping[str, Any]) -> Selection:
    """Return the selection that `document` describes."""
    return msgspec.convert(document, Selection)


def _is_of_age(age: timedelta, selection: Selection) -> bool:
    is_old = selection.older_than is None or age >= selection.older_than
    is_young = selection.newer_than is None or age <= selection.newer_than
    return is_old and is_young
