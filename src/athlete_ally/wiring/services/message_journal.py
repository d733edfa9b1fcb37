"""Giving a service its message journal, where one is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from athlete_ally.adapters.files.message_journal.file_journal import FileJournal
from athlete_ally.adapters.files.message_journal.journaled_publisher import JournaledPublisher
from athlete_ally.adapters.files.message_journal.segment_writer import SegmentWriter
from athlete_ally.adapters.files.message_journal.slots import Retention, take_slot
from athlete_ally.config.settings import Settings
from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.ports import Log, MessageJournal, Observer, Publisher
from athlete_ally.core.series import JournalSeries, journal_series
from athlete_ally.wiring.builders import journal_cipher, now


def unchanged(journal: MessageJournal) -> MessageJournal:
    """Return the journal: a test returns one that dies."""
    return journal


def wanted_series(settings: Settings) -> tuple[JournalSeries, ...]:
    """Return the series of the journal, where one is wanted."""
    return () if settings.journal_mode == "off" else (journal_series(),)


@dataclass(frozen=True, slots=True)
class JournalOfService:
    """The journal of this process, or what stands for it where none is wanted."""

    journal: FileJournal | None
    is_required: bool
    timeout_s: float
    wrap: Callable[[MessageJournal], MessageJournal]

    def around(self, publisher: Publisher) -> Publisher:
        """Return a publisher that also writes to the journal."""
        if self.journal is None:
            return publisher
        return JournaledPublisher(publisher, self.wrap(self.journal), self.is_required, self.timeout_s)

    async def open(self) -> None:
        """Begin.

        Raises:
            Misconfigured: it is required, and its folder can't be written.
        """
        if self.journal is None:
            return
        try:
            await self.journal.open()
        except Misconfigured as error:
            if self.is_required:
                raise
            self.journal.log.warning("journal-failed", reason=str(error))
            self.journal.observer.count(self.journal.series.failures)

    def problems(self) -> list[str]:
        """Say why nothing can be accepted."""
        if self.journal is None or not self.is_required:
            return []
        if not self.journal.is_open:
            return ["the message journal is not open yet"]
        return [self.journal.problem] if self.journal.problem else []

    async def close(self) -> None:
        """Write what waits, and end."""
        if self.journal is not None:
            await self.journal.close()


def build_journal(
    settings: Settings,
    service: str,
    observer: Observer,
    log: Log,
    wrap: Callable[[MessageJournal], MessageJournal] = unchanged,
) -> JournalOfService:
    """Return the journal of this process, not yet open.

    Raises:
        Misconfigured: its key is not one.
    """
    folder, cipher = settings.journal_folder, journal_cipher(settings)
    retention = Retention(timedelta(hours=settings.message_journal_max_age_h), settings.message_journal_max_bytes)

    def begin() -> SegmentWriter:
        return SegmentWriter(folder, take_slot(folder, service), service, cipher, retention, now)

    is_required = settings.journal_mode == "required"
    journals = [FileJournal(begin, now, observer, series, log) for series in wanted_series(settings)]
    return JournalOfService(journals[0] if journals else None, is_required, settings.publish_timeout_s, wrap)
