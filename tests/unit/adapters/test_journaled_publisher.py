"""Publishing with a message journal: what is acknowledged is in both, and what one of them lacks is refused."""

import asyncio
import threading
from pathlib import Path

import pytest
from support.fakes import FakePublisher
from support.journals import Journals, message

from athlete_ally.adapters.files.message_journal import segment_file
from athlete_ally.adapters.files.message_journal.file_journal import FileJournal
from athlete_ally.adapters.files.message_journal.journaled_publisher import JournaledPublisher
from athlete_ally.core.broker.topology import DLQ, dead_letter_subject
from athlete_ally.core.errors import JournalUnavailable, Unavailable
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.ports import Publisher

# Ages of segments are those of their files.
pytestmark = pytest.mark.broker_clock


def journaled(publisher: Publisher, journal: FileJournal, *, is_required: bool = True) -> JournaledPublisher:
    """Return what publishes with a journal, and waits briefly for it."""
    return JournaledPublisher(publisher, journal, is_required, timeout_s=0.2)


@pytest.fixture
def journals(tmp_path: Path) -> Journals:
    """Give journals."""
    return Journals(tmp_path)


@pytest.fixture
def broken_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every flush fail."""

    def flush(_file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(segment_file, "flush", flush)


@pytest.fixture
def stalled_disk(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let every flush wait until the event is set."""
    real, go_on = segment_file.flush, threading.Event()

    def flush(file: int) -> None:
        go_on.wait()
        real(file)

    monkeypatch.setattr(segment_file, "flush", flush)
    return go_on


async def test_an_acknowledged_message_is_in_stream_and_journal(journals: Journals) -> None:
    """
    Also a repeated one: the stream says that it held it, and the journal has it once more, which does no harm.
    """
    publisher = FakePublisher()
    async with journals.open() as journal:
        both = journaled(publisher, journal)
        acknowledged = [await both.publish(message()) for _ in range(2)]

    assert ([each.duplicate for each in acknowledged], await journals.ids()) == ([False, True], ["m1", "m1"])
    assert [message()] == publisher.published


@pytest.mark.usefixtures("broken_disk")
@pytest.mark.parametrize("is_required", [True, False])
async def test_without_the_journal_only_what_need_not_be_in_it_is_acknowledged(
    journals: Journals, *, is_required: bool
) -> None:
    """
    Required: the error is one to try again after, and names the cause. Best effort: acknowledged, and counted.
    """
    async with journals.open() as journal:
        both = journaled(FakePublisher(), journal, is_required=is_required)
        if is_required:
            with pytest.raises(JournalUnavailable, match="Input/output error"):
                await both.publish(message())
        else:
            assert not (await both.publish(message())).duplicate
            await asyncio.gather(journal.append(message()), return_exceptions=True)

    assert journals.figure("message_journal_failures_total") > 0


async def test_a_disk_that_stands_still_is_not_waited_for_without_end(
    journals: Journals, stalled_disk: threading.Event
) -> None:
    """
    A flush that takes longer than the timeout is an error to try again after.
    """
    journal = journals.new()
    await journal.open()
    with pytest.raises(JournalUnavailable, match=r"was not flushed in 0\.2 s"):
        await journaled(FakePublisher(), journal).publish(message())
    stalled_disk.set()
    await journal.close()

    assert await journals.ids() == ["m1"]


async def test_what_the_stream_does_not_take_is_not_acknowledged(journals: Journals) -> None:
    """
    The broker's error comes through, whether the journal has the message or not.
    """
    publisher = FakePublisher()
    publisher.unavailable = True
    async with journals.open() as journal:
        with pytest.raises(Unavailable, match="the fake broker is away"):
            await journaled(publisher, journal).publish(message())


async def test_dead_letters_are_not_written_to_the_journal(journals: Journals) -> None:
    """
    They are made from what is in it.
    """
    letter = OutgoingMessage(DLQ, dead_letter_subject("hrv", "max-deliver"), b"{}", "letter")
    async with journals.open() as journal:
        await journaled(FakePublisher(), journal).publish(letter)

    assert await journals.ids() == []
