"""The message journal through crashes: what it said it holds is there, whatever died at whichever operation."""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.dying_disk import Death, DiedError, DyingDisk
from support.journals import START, Journals, message

from athlete_ally.adapters.files.message_journal.reader import FileJournalReader
from athlete_ally.adapters.files.message_journal.rewriter import JournalRewriter
from athlete_ally.adapters.files.message_journal.segment_writer import SegmentWriter
from athlete_ally.adapters.files.message_journal.slots import Retention
from athlete_ally.core.messages.journal_entry import JournalEntry

# Ages of segments are those of their files.
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the crashes are made with POSIX calls"),
    pytest.mark.broker_clock,
]

# Segments of about two entries, and room for about 30 of them.
RETENTION = Retention(timedelta(minutes=10), 20_000)
BODY_BYTES = 200
DEATHS = some.none() | some.builds(
    Death, some.integers(0, 25), some.booleans(), some.sampled_from([0.0, 0.4, 1.0]), some.booleans()
)


class JournalThroughCrashes(RuleBasedStateMachine):
    """One slot that is written, rotated, pruned, erased from and read; a clock that is set forward and back."""

    def __init__(self) -> None:
        """Begin with an empty folder."""
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="aa-journal-")
        self.journals = Journals(Path(self._folder.name) / "journal", retention=RETENTION)
        self.disk = DyingDisk(self.journals.folder)
        self.writer: SegmentWriter | None = None
        self.begun = 0
        # In the order in which it was appended: what was said to be held, when, and whether it may have gone for its
        # age; what a crash cut off in the middle may be there or not.
        self.held: dict[str, datetime] = {}
        self.unsure: set[str] = set()
        self.may_be_too_old: set[str] = set()
        self.erased: set[str] = set()
        self.loop = asyncio.new_event_loop()

    @rule(count=some.integers(1, 5), death=DEATHS)
    def append(self, count: int, death: Death | None) -> None:
        """Write a group."""
        names = [f"m{self.begun + number:05d}" for number in range(count)]
        self.begun += count
        entries = [JournalEntry(self.journals.at, message(name, bytes(BODY_BYTES))) for name in names]
        self.unsure |= set(names)

        def write(writer: SegmentWriter) -> None:
            writer.write(entries)
            self.unsure.difference_update(names)
            self.held |= dict.fromkeys(names, self.journals.at)

        self._do(write, death)

    @rule(seconds=some.integers(-300, 400))
    def set_the_clock(self, seconds: int) -> None:
        """Let time pass, or set the clock back."""
        self.journals.at += timedelta(seconds=seconds)

    @rule(death=DEATHS, must_be_writable=some.booleans())
    def maintain(self, death: Death | None, must_be_writable: bool) -> None:  # noqa: FBT001  # drawn
        """Close what is due, and delete what is too old or too much."""
        oldest = self.journals.at - RETENTION.max_age
        self.may_be_too_old |= {name for name, at in self.held.items() if at < oldest}
        self._do(lambda writer: writer.maintain(must_be_writable=must_be_writable), death)

    @rule(death=DEATHS)
    def stop(self, death: Death | None) -> None:
        """End as a service does that is told to."""
        self._do(lambda writer: writer.close_segment(), death)
        if self.writer is not None:
            self.writer.slot.release()
            self.writer = None

    @precondition(lambda self: self.writer is None and self.held)
    @rule(death=DEATHS, number=some.integers(0, 1000))
    def erase(self, death: Death | None, number: int) -> None:
        """Erase one entry, killed in the middle maybe and run again."""
        name = sorted(self.held)[number % len(self.held)]
        del self.held[name]
        self.erased.add(name)
        rewriter = JournalRewriter(self.journals.folder, None)

        def erase() -> None:
            keep = rewriter.rewrite(lambda entry: None if entry.message.message_id == name else entry)
            self.loop.run_until_complete(keep)

        with suppress(DiedError), self.disk.watched(replace(death, is_power_cut=False) if death else None):
            erase()
        self.disk.crash()
        erase()
        files = [path for path in self.journals.folder.rglob("*") if path.is_file()]

        assert [path.name for path in files if name.encode() in path.read_bytes()] == []

    @invariant()
    def what_is_held_is_read(self) -> None:
        """Check what a replay would read now."""
        read = self._read(None)
        kept = [name for name in self.held if name not in self.may_be_too_old]
        missing = [name for name in kept if name not in read]

        # What went for the room is the oldest, and no more went than had to.
        assert kept[: len(missing)] == missing
        assert not missing or self._bytes() > RETENTION.max_bytes // 2
        assert sorted(set(read)) == [*dict.fromkeys(read)], "in the order of appending"
        assert set() == set(read) - self.held.keys() - self.unsure
        assert set() == set(read) & self.erased

    @invariant()
    def a_time_leaves_nothing_of_that_time_out(self) -> None:
        """Check what a replay of the last minutes would read now."""
        since = self.journals.at - timedelta(minutes=3)
        of_that_time = {name for name, at in self.held.items() if at >= since}

        assert set(self._read(None)) & of_that_time <= set(self._read(since))

    def teardown(self) -> None:
        """Start once more, as after the last crash, and remove the folder."""
        self._do(lambda writer: writer.close_segment(), None)
        self.what_is_held_is_read()
        assert self.writer is not None
        self.writer.slot.release()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self._folder.cleanup()

    def _do(self, work: Callable[[SegmentWriter], object], death: Death | None) -> None:
        """Start if need be, and do something; at a death the lock goes, as with a process."""
        slot = None
        try:
            with self.disk.watched(death):
                if self.writer is None:
                    slot = self.journals.writer()
                    for _ in slot.recover():
                        pass
                    self.writer = slot
                work(self.writer)
        except DiedError:
            self.disk.crash()
            dead = self.writer or slot
            if dead is not None:
                dead.slot.release()
            self.writer = None

    def _read(self, since: datetime | None) -> list[str]:
        if not self.journals.folder.exists():
            return []
        reader = FileJournalReader(self.journals.folder, None)

        found = self.loop.run_until_complete(_ids(reader, since))
        assert reader.damaged == 0
        return found

    def _bytes(self) -> int:
        return sum(path.stat().st_size for path in self.journals.paths())


async def _ids(reader: FileJournalReader, since: datetime | None = None) -> list[str]:
    return [entry.message.message_id async for entry in reader.entries(since)]


TestJournalThroughCrashes = JournalThroughCrashes.TestCase
TestJournalThroughCrashes.settings = settings(max_examples=25, stateful_step_count=25)


def test_a_crash_at_each_operation_of_a_life() -> None:
    """
    A service starts, writes three segments, rotates, deletes and stops; it dies before each single operation of that,
    in turn, and the machine with it: what it had said it holds is read afterwards, in order.
    """
    operations = 0
    for is_power_cut in (False, True):
        number = 0
        while _lives(Death(number, is_power_cut, held=0.5, is_zeros=bool(number % 2))):
            number += 1
        operations = number

    assert operations > 40


def _lives(death: Death) -> bool:
    """Return whether it died."""
    with tempfile.TemporaryDirectory(prefix="aa-journal-") as folder:
        journals = Journals(Path(folder) / "journal", retention=RETENTION)
        disk = DyingDisk(journals.folder)
        held: list[str] = []
        writer = journals.writer()
        died = False
        try:
            with disk.watched(death):
                for number in range(6):
                    name = f"m{number}"
                    writer.write([JournalEntry(START, message(name, bytes(BODY_BYTES)))])
                    held.append(name)
                    writer.maintain(must_be_writable=True)
                writer.close_segment()
        except DiedError:
            died = True
            disk.crash()
        writer.slot.release()
        again = journals.writer()
        for _ in again.recover():
            pass
        again.write([JournalEntry(START, message("after"))])
        again.close_segment()
        again.slot.release()
        reader = FileJournalReader(journals.folder, None)
        read = asyncio.run(_ids(reader))

    assert ([*held, "after"], 0) == ([each for each in read if each in {*held, "after"}], reader.damaged)
    return died
