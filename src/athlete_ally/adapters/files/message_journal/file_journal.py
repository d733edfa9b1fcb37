"""The `MessageJournal` port on files: appended and flushed in groups, beside everything else."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from athlete_ally.adapters.files.message_journal.segment_writer import SegmentWriter
from athlete_ally.core.errors import JournalUnavailable
from athlete_ally.core.messages.journal_entry import JournalEntry
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Log, Now, Observer
from athlete_ally.core.series.journal import JournalSeries

T = TypeVar("T")

# What may wait for the disk: a disk that stands still must not fill the memory.
_MAX_WAITING_BYTES = 64 * 1024 * 1024
# One flush of a slow disk; what comes meanwhile is the next group.
_MAX_GROUP_BYTES = 8 * 1024 * 1024
_MAINTAIN_EVERY_S = 1.0


@dataclass(slots=True)
class FileJournal:
    """Collects what is appended while a group is being flushed, and writes it as the next group."""

    begin: Callable[[], SegmentWriter]
    now: Now
    observer: Observer
    series: JournalSeries
    log: Log
    problem: str = ""
    _writer: SegmentWriter | None = field(default=None, repr=False)
    _waiting: list[tuple[JournalEntry, asyncio.Future[None]]] = field(
        default_factory=list[tuple[JournalEntry, asyncio.Future[None]]], repr=False
    )
    _waiting_bytes: int = 0
    _flushing: asyncio.Task[None] | None = field(default=None, repr=False)
    _maintaining: asyncio.Task[None] | None = field(default=None, repr=False)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="message-journal"), repr=False
    )

    @property
    def is_open(self) -> bool:
        """Tell whether it takes messages."""
        return self._writer is not None

    async def open(self) -> None:
        """Take a slot, close what an earlier process left open there, and begin.

        Raises:
            Misconfigured: the folder can't be written.
        """
        writer = await self._run(self.begin)
        self.log.info("journal", slot=str(writer.slot.path), encrypted=writer.cipher is not None)
        try:
            await self._run(lambda: self._recover(writer))
        except OSError as error:
            self._failed(writer, error)
        await self._maintain(writer)
        self._writer = writer
        self._maintaining = asyncio.create_task(self._keep_maintaining(writer))

    def append(self, message: OutgoingMessage) -> Awaitable[None]:
        """See the port."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Nobody asks for the outcome any more once its waiter has timed out.
        future.add_done_callback(_retrieve)
        if self._writer is None:
            future.set_exception(JournalUnavailable("the message journal is not open: the service starts or stops"))
        elif self._waiting and self._waiting_bytes + len(message.body) > _MAX_WAITING_BYTES:
            future.set_exception(JournalUnavailable(f"the message journal's disk does not keep up{self._known()}"))
        else:
            self._waiting.append((JournalEntry(self.now(), message), future))
            self._waiting_bytes += len(message.body)
            if self._flushing is None:
                self._flushing = asyncio.create_task(self._flush(self._writer))
        return future

    async def close(self) -> None:
        """Write what waits, close the segment, and release the slot."""
        writer, self._writer = self._writer, None
        if self._maintaining is not None:
            self._maintaining.cancel()
            await asyncio.gather(self._maintaining, return_exceptions=True)
        if self._flushing is not None:
            await self._flushing
        if writer is not None:
            await self._run(writer.close_segment)
            writer.slot.release()
        self._thread.shutdown()

    async def _flush(self, writer: SegmentWriter) -> None:
        try:
            while group := self._next_group():
                await self._write(writer, group)
        finally:
            self._flushing = None

    def _next_group(self) -> list[tuple[JournalEntry, asyncio.Future[None]]]:
        size, count = 0, 0
        for entry, _ in self._waiting:
            size += len(entry.message.body)
            count += 1
            if size >= _MAX_GROUP_BYTES:
                break
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_bytes -= size
        return group

    async def _write(self, writer: SegmentWriter, group: list[tuple[JournalEntry, asyncio.Future[None]]]) -> None:
        started_s = time.perf_counter()
        failure = JournalUnavailable("the message journal was not written")
        try:
            await self._run(lambda: writer.write([entry for entry, _ in group]))
            self.observer.observe(self.series.flush_seconds, value=time.perf_counter() - started_s)
            self._succeeded()
            for _, future in group:
                if not future.done():
                    future.set_result(None)
        except OSError as error:
            failure = self._failed(writer, error)
        finally:
            for _, future in group:
                if not future.done():
                    future.set_exception(failure)

    async def _keep_maintaining(self, writer: SegmentWriter) -> None:
        while True:
            await asyncio.sleep(_MAINTAIN_EVERY_S)
            await self._maintain(writer)

    async def _maintain(self, writer: SegmentWriter) -> None:
        """Delete what is too old, show what is held, and learn whether a disk that failed can be written again."""
        try:
            held = await self._run(lambda: writer.maintain(must_be_writable=bool(self.problem)))
            free_bytes = await self._run(writer.free_bytes)
        except OSError as error:
            self._failed(writer, error)
            return
        self._succeeded()
        self.observer.set(self.series.bytes, value=held.bytes)
        self.observer.set(self.series.free_bytes, value=free_bytes)
        if held.cut_short_bytes:
            self.observer.count(self.series.cut_short_bytes, by=held.cut_short_bytes)
            self.log.warning("journal-cut-short", deleted_bytes=held.cut_short_bytes, oldest=_iso(held.oldest_at))

    def _recover(self, writer: SegmentWriter) -> None:
        for path, found in writer.recover():
            self.log.info("journal-recovered", segment=path.name, entries=found.entries, torn_bytes=found.torn_bytes)

    def _failed(self, writer: SegmentWriter, error: OSError) -> JournalUnavailable:
        reason = f"{writer.slot.path}: the message journal can't be written ({error.strerror or error})"
        if not self.problem:
            self.log.error("journal-failed", reason=reason, remedy="make room on its disk, or repair it")
        self.problem = reason
        self.observer.count(self.series.failures)
        with suppress(OSError):
            self.observer.set(self.series.free_bytes, value=writer.free_bytes())
        return JournalUnavailable(reason)

    def _succeeded(self) -> None:
        if self.problem:
            self.log.info("journal-written-again")
        self.problem = ""

    def _known(self) -> str:
        return f" ({self.problem})" if self.problem else ""

    def _run(self, work: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _retrieve(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


def _iso(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
