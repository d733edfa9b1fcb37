"""What the broker denies for lack of permission.

The server says so beside the request, in a text of its own; the request itself only goes unanswered.
"""

import asyncio
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from athlete_ally.core.errors import PermissionDenied

Action = Literal["publish", "subscribe"]

# nats-server 2.15, sendErr in server/client.go; the client library passes it on in lower case.
_VIOLATION = re.compile(
    r'permissions violation for (publish|subscription)(?: with reply of| to)? "([^"]+)"', re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Denial:
    """One subject that this user may not use; in lower case, as the client library hands it on."""

    action: Action
    subject: str


def read_denial(text: str) -> Denial | None:
    """Return what an error of the server denies; None when it is about something else."""
    found = _VIOLATION.search(text)
    if found is None:
        return None
    return Denial("publish" if found[1].lower() == "publish" else "subscribe", found[2].lower())


class Denials:
    """The denials of one connection, and the requests that they concern."""

    def __init__(self, inbox_prefix: str) -> None:
        """Start with none; replies arrive below `inbox_prefix`."""
        self._inbox_prefix = inbox_prefix
        self._known: set[Denial] = set()
        self._waiting: dict[str, list[asyncio.Timeout]] = {}

    def note(self, denial: Denial) -> None:
        """Take note, and end the waiting of every request that is concerned."""
        self._known.add(denial)
        for subject, scopes in self._waiting.items():
            if self.reason(subject):
                for scope in scopes:
                    scope.reschedule(0)

    def forget(self) -> None:
        """Start again: a new connection may come with other permissions."""
        self._known.clear()

    def reason(self, subject: str) -> str:
        """Return why nothing can come of a publish to `subject`; empty when nothing is known against it."""
        if Denial("publish", subject.lower()) in self._known:
            return f"permission denied: needs publish on {subject}"
        inbox = f"{self._inbox_prefix.lower()}."
        if any(each.action == "subscribe" and each.subject.startswith(inbox) for each in self._known):
            return (
                f"permission denied: needs subscribe on {self._inbox_prefix}.>; "
                "grant it, or set AA_NATS_INBOX_PREFIX to what this user may subscribe to"
            )
        return ""

    def raise_if_below(self, prefix: str) -> None:
        """Raise when a publish to a subject that starts with `prefix` was denied.

        Raises:
            PermissionDenied: it was; nobody waits for such a publish, so that this is the only place to say so.
        """
        if any(each.action == "publish" and each.subject.startswith(prefix.lower()) for each in self._known):
            raise PermissionDenied(f"permission denied: needs publish on {prefix}>")

    @contextmanager
    def watching(self, subject: str, scope: asyncio.Timeout) -> Generator[None]:
        """Let `scope` expire as soon as a denial concerns a request to `subject`."""
        scopes = self._waiting.setdefault(subject, [])
        scopes.append(scope)
        try:
            yield
        finally:
            scopes.remove(scope)
            if not scopes:
                self._waiting.pop(subject, None)
