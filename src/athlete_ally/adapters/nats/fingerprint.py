"""One checksum over all messages of a stream: the same before a backup and after a restore, wherever it lies."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.direct_reads import DirectReads

# What one request brings at most: bounds the memory, and is enough to keep the server busy.
_BATCH = 1000
_BATCH_BYTES = 4 * 1024 * 1024
# Other servers than the leader may answer, and may be a moment behind.
_ATTEMPTS = 5
_BEHIND_S = 0.2


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How many messages there are, and a checksum of sequence, time, subject, headers and body of each in order."""

    messages: int
    sha256: str


class Fingerprints:
    """Reads streams by direct gets: no consumer, and nothing left behind."""

    def __init__(self, connection: Connection) -> None:
        """Read over this connection."""
        self._direct = DirectReads(connection)

    async def of(
        self, stream: str, first: int, last: int, messages: int, progress: Callable[[int], None] = lambda _: None
    ) -> Fingerprint | None:
        """Return the checksum of the messages from `first` to `last`; None when they are no longer those `messages`.

        `progress` hears how many were read.

        Raises:
            Misconfigured: the stream allows no direct gets, or is missing.
            Unavailable: no answer.
        """
        digest = hashlib.sha256()
        count, attempts, sequence = 0, 0, first
        while count < messages and attempts < _ATTEMPTS:
            found = count
            async for message in self._direct.get(
                stream, {"seq": sequence, "batch": _BATCH, "max_bytes": _BATCH_BYTES}
            ):
                stated: dict[str, str] = {**(message.headers or {})}
                at = int(stated.pop("Nats-Sequence"))
                if at > last:
                    break
                sequence, count = at + 1, count + 1
                _feed(digest, at, stated, message.data)
            progress(count)
            if count == found:
                attempts += 1
                await asyncio.sleep(_BEHIND_S)
        return Fingerprint(count, digest.hexdigest()) if count == messages else None


def _feed(digest: Any, sequence: int, stated: dict[str, str], body: bytes) -> None:
    subject, at = stated.pop("Nats-Subject"), stated.pop("Nats-Time-Stamp")
    # The server's own words about the reading, which say nothing of the message.
    for name in ("Nats-Stream", "Nats-Num-Pending", "Nats-Last-Sequence"):
        stated.pop(name, None)
    head = json.dumps([sequence, at, subject, sorted(stated.items()), len(body)]).encode()
    digest.update(head)
    digest.update(body)
