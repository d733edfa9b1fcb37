"""What the broker denies for lack of permission.

The server says so beside the request, in a text of its own; the request itself only goes unanswered.
"""

import asyncio
import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from athlete_ally.core.errors import PermissionDenied

Action = Literal["publish", "subscribe"]

# nats-server 2.15, sendErr in server/client.go; the client library passes it on in lower case.
_VIOLATION = re.compile(
    r'permissions violation for (publish|subscription)(?: with reply of| to)? "([^"]+)"', re.IGNORECASE
)
# A reload of the server's configuration may grant a permission without a new connection, and says nothing of it: what
# was denied is asked again after this.
_BELIEVED_S = 5.0


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
    """The denials of one connection, each believed for some seconds, and the requests that they concern."""

    def __init__(self, inbox_prefix: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with none; replies arrive below `inbox_prefix`."""
        self._inbox_prefix = inbox_prefix
        self._clock = clock
        self._noted_at_s: dict[Denial, float] = {}
        self._waiting: dict[str, list[asyncio.Timeout]] = {}

    def note(self, denial: Denial) -> None:
        """Take note, and end the waiting of every request that is concerned."""
        self._noted_at_s[denial] = self._clock()
        for subject, scopes in self._waiting.items():
            if self.reason(subject):
                for scope in scopes:
                    scope.reschedule(0)

    def forget(self) -> None:
        """Start again: a new connection may come with other permissions."""
        self._noted_at_s.clear()

    def concerns_inbox(self, denial: Denial) -> bool:
        """Tell whether no answer can arrive any more: the server drops the subscription, and takes it only anew."""
        return denial.action == "subscribe" and denial.subject.startswith(f"{self._inbox_prefix.lower()}.")

    def reason(self, subject: str) -> str:
        """Return why nothing can come of a publish to `subject`; empty when nothing is known against it."""
        known = self._known()
        if Denial("publish", subject.lower()) in known:
            return f"permission denied: needs publish on {subject}"
        if any(map(self.concerns_inbox, known)):
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
        if any(each.action == "publish" and each.subject.startswith(prefix.lower()) for each in self._known()):
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

    def _known(self) -> list[Denial]:
        believed_since_s = self._clock() - _BELIEVED_S
        return [denial for denial, noted_at_s in self._noted_at_s.items() if noted_at_s > believed_since_s]
