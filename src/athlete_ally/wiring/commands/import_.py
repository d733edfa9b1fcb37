"""Import a person's own files: read, map, batch, and send them to ingest, so that the same guarantees hold."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from athlete_ally import __version__
from athlete_ally.adapters.files.export_file import ExportFile, digest_of, read_whole
from athlete_ally.adapters.files.import_progress import ImportProgress, Progress
from athlete_ally.adapters.http.ingest_client import IngestClient, Refused, Sent, http_client
from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats import apple_health, health_auto_export
from athlete_ally.formats.apple_xml import elements
from athlete_ally.formats.batches import Batch, batches
from athlete_ally.formats.import_summary import LeftOut, Tally
from athlete_ally.formats.parse_result import NO_KIND, Finding
from athlete_ally.wiring.builders import now
from athlete_ally.wiring.commands.import_check import Refusals, sound

__all__ = [
    "NO_KIND",
    "ImportProgress",
    "LeftOut",
]

# Enough to keep ingest busy while the next batch is read; each is half a megabyte.
_AT_ONCE = 4
MOST_BYTES_AT_ONCE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A file being read: its findings, its size, and the position of reading, in bytes."""

    findings: Iterable[Finding]
    size: int
    position: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Target:
    """Where readings go: URL of ingest, API key, and how long to wait while ingest accepts nothing."""

    url: str
    key: str | None
    patience_s: float


@dataclass(slots=True)
class Outcome:
    """The outcome of an import. `before`: batches an earlier run had sent; `impossible`: readings not sent."""

    progress: Progress
    tally: Tally = field(default_factory=Tally)
    refused: Refusals = field(default_factory=Counter[tuple[str, str, str]])
    impossible: Refusals = field(default_factory=Counter[tuple[str, str, str]])
    before: int = 0

    @property
    def is_partial(self) -> bool:
        """Tell whether readings are missing: some were impossible, or refused by ingest."""
        return bool(self.refused or self.impossible)

    @property
    def is_understood(self) -> bool:
        """Tell whether there was anything to send, now or in an earlier run."""
        return bool(self.tally.kinds or self.before)

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        sent = {"accepted": self.progress.accepted, "duplicate": self.progress.duplicates}
        return {
            **self.tally.document(),
            "sent": {**sent, "refused": self.progress.refused},
            "refused": _listed(self.refused),
            "impossible": _listed(self.impossible),
        }


Report = Callable[[int, int], None]
"""Receives the position of reading and the total, in bytes."""


def open_apple_health(path: Path, user_id: str) -> Source:
    """Open an export of Apple Health: the zip, or the XML in it.

    Raises:
        UnreadableFile: it is not such an export.
    """
    file = ExportFile(path)
    return Source(apple_health.findings(elements(file.chunks()), user_id), file.size, lambda: file.position)


def open_health_auto_export(path: Path, user_id: str) -> Source:
    """Open a JSON file of Health Auto Export.

    Raises:
        UnreadableFile: it can't be read, or is too large.
    """
    content = read_whole(path, MOST_BYTES_AT_ONCE)
    return Source(health_auto_export.findings(content, user_id), len(content), lambda: len(content))


def look_through(source: Source, report: Report) -> Outcome:
    """Read everything and send nothing.

    Raises:
        UnreadableFile: the file is damaged or hostile.
    """
    outcome = Outcome(Progress(started_at=now()))
    for _ in batches(sound(source.findings, outcome.impossible, at=now()), outcome.tally):
        report(source.position(), source.size)
    return outcome


def progress_of(  # what tells one import from another, and where it is written
    path: Path, user_id: str, url: str, folder: Path, *, again: bool, also: tuple[str, ...] = ()
) -> ImportProgress:
    """Return the progress of importing this content for this person into this ingest, with this version.

    `also` is what else decides about the readings, as the zone of times without offset.

    Raises:
        UnreadableFile: the file can't be read.
        Misconfigured: the file of the progress can't be used.
    """
    about = "\n".join((digest_of(path), user_id, url, __version__, *also))
    return ImportProgress(folder / f"{hashlib.sha256(about.encode()).hexdigest()[:32]}.json", again=again, now=now)


async def send_all(source: Source, journal: ImportProgress, target: Target, report: Report) -> Outcome:
    """Read the file and send what was not sent before; when this returns, the stream holds all of it.

    Raises:
        UnreadableFile: the file is damaged or hostile; what was read until then is sent.
        Unavailable: ingest accepted nothing for too long; the progress holds what was acknowledged.
        Misconfigured: the key is wrong, or the URL is not an ingest.
    """
    outcome = Outcome(journal.progress, before=journal.progress.acknowledged)
    # The time of the first run: a later run must leave out the same readings, so that its batches are equal.
    checked = sound(source.findings, outcome.impossible, at=journal.progress.started_at)
    packed = batches(checked, outcome.tally)
    async with http_client(target.url, target.key) as http:
        client = IngestClient(http, patience_s=target.patience_s, jitter=random.random)
        under_way: set[asyncio.Task[None]] = set()
        try:
            while (batch := await asyncio.to_thread(_next, packed)) is not None:
                report(source.position(), source.size)
                if batch.number > outcome.before:
                    under_way.add(asyncio.create_task(_send(client, batch, journal, outcome)))
                await _settle(under_way, at_most=_AT_ONCE - 1)
            await _settle(under_way, at_most=0)
        except UnreadableFile:
            # Wait for the responses to what was read before the damage.
            await _settle(under_way, at_most=0)
            raise
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
    # Damage is said again as long as it is there.
    if not outcome.tally.damaged:
        journal.complete()
    return outcome


def _listed(refusals: Refusals) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "field": name, "message": message, "readings": number}
        for (kind, name, message), number in refusals.most_common()
    ]


def _next(packed: Iterator[Batch]) -> Batch | None:
    return next(packed, None)


async def _settle(under_way: set[asyncio.Task[None]], *, at_most: int) -> None:
    """Wait until at most this many requests are in progress; raise the error of a finished one."""
    while len(under_way) > at_most:
        done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        under_way -= done
        for task in done:
            task.result()


async def _send(client: IngestClient, batch: Batch, journal: ImportProgress, outcome: Outcome) -> None:
    sent: Sent = await client.send(batch.kind, batch.readings)
    outcome.refused.update(_about(each) for each in sent.refused)
    duplicates = sent.accepted if sent.duplicate else 0
    journal.acknowledge(
        batch.number, accepted=sent.accepted - duplicates, duplicates=duplicates, refused=len(sent.refused)
    )


def _about(refused: Refused) -> tuple[str, str, str]:
    return (refused.kind, refused.field, refused.message)
