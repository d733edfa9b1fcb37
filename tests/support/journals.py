"""Message journals of a test, in its own folder."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher
from athlete_ally.adapters.files.message_journal.file_journal import FileJournal
from athlete_ally.adapters.files.message_journal.reader import FileJournalReader
from athlete_ally.adapters.files.message_journal.segment_writer import SegmentWriter
from athlete_ally.adapters.files.message_journal.slots import Retention, segments_in, take_slot
from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.prometheus import PrometheusObserver, read_exposition
from athlete_ally.core.broker.topology import CORE_HOT, raw_subject
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.series import every, journal_series

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEEP = Retention(timedelta(hours=48), 1024**3)
SERIES = journal_series()


def message(identity: str = "m1", body: bytes = b"{}") -> OutgoingMessage:
    """Return a message as ingest publishes it."""
    return OutgoingMessage(CORE_HOT, raw_subject("hrv"), body, identity, {"x-test": "1"})


class Journals:
    """Opens journals in one folder."""

    def __init__(self, folder: Path, cipher: JournalCipher | None = None, retention: Retention = KEEP) -> None:
        """Use this folder."""
        self.folder, self.cipher, self.retention = folder, cipher, retention
        self.observer = PrometheusObserver(every(SERIES))
        self.at = START

    def now(self) -> datetime:
        """Return the time of all of them, which stands still until a test sets it."""
        return self.at

    def writer(self, service: str = "ingest") -> SegmentWriter:
        """Take a slot."""
        slot = take_slot(self.folder, service)
        return SegmentWriter(self.folder, slot, service, self.cipher, self.retention, self.now)

    def new(self, service: str = "ingest") -> FileJournal:
        """Return a journal that is not open yet."""
        log = build_log("test", level="debug", form="json")
        return FileJournal(lambda: self.writer(service), self.now, self.observer, SERIES, log)

    @asynccontextmanager
    async def open(self, service: str = "ingest") -> AsyncGenerator[FileJournal]:
        """Give an open journal, and close it."""
        journal = self.new(service)
        await journal.open()
        try:
            yield journal
        finally:
            await journal.close()

    def paths(self, slot: str = "ingest-0") -> list[Path]:
        """Return the segments of a slot in their order."""
        return [path for path, _ in segments_in(self.folder / slot)]

    async def ids(self, since: datetime | None = None) -> list[str]:
        """Return the ids of all entries."""
        reader = FileJournalReader(self.folder, self.cipher)
        return [entry.message.message_id async for entry in reader.entries(since)]

    def figure(self, name: str) -> float:
        """Return what a series says."""
        text = self.observer.exposition().decode()
        return next(value for sample, _, value in read_exposition(text) if sample == name)
