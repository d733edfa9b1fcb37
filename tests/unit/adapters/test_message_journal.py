"""The message journal in files: what it says it holds can be read, whatever dies, fills, ages or is not ours."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from support.journals import Journals, message
from support.wait import eventually

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher, read_journal_cipher
from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.adapters.files.message_journal import file_journal, segment_file
from athlete_ally.adapters.files.message_journal.reader import FileJournalReader
from athlete_ally.adapters.files.message_journal.slots import Retention, slots_in, take_slot
from athlete_ally.core.errors import JournalUnavailable, Misconfigured

# Ages of segments are those of their files.
pytestmark = pytest.mark.broker_clock

BODY = b"a body that nobody else has"


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete, and try a disk again, at once instead of every second."""
    monkeypatch.setattr(file_journal, "_MAINTAIN_EVERY_S", 0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the journal is; a name with a blank and no ASCII, as users of Windows have."""
    return tmp_path / "Größe 1" / "journal"


@pytest.fixture(params=["plain", "encrypted"])
def journals(folder: Path, request: pytest.FixtureRequest) -> Journals:
    """Give journals with and without encryption."""
    return Journals(folder, JournalCipher(new_token_key()) if request.param == "encrypted" else None)


async def test_what_is_appended_is_read(journals: Journals) -> None:
    """
    Hundreds at once are held by the disk when the call returns; they can be read while the journal is open, and after.
    """
    names = [f"m{number}" for number in range(300)]
    async with journals.open() as journal:
        await asyncio.gather(*(journal.append(message(name)) for name in names))
        meanwhile = await journals.ids()

    assert (names, names) == (meanwhile, await journals.ids())


async def test_what_comes_while_the_disk_flushes_is_the_next_group(
    journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A hundred messages at once cost a few flushes, not a hundred.
    """
    flushes: list[int] = []
    real = segment_file.flush

    def counted(file: int) -> None:
        flushes.append(file)
        real(file)

    monkeypatch.setattr(segment_file, "flush", counted)
    async with journals.open() as journal:
        await asyncio.gather(*(journal.append(message(f"m{number}")) for number in range(100)))

    # Header, groups, footer.
    assert 3 <= len(flushes) <= 5


async def test_nothing_of_a_message_is_readable_on_the_disk_where_a_key_is_set(folder: Path) -> None:
    """
    With a key no byte of body, subject or header is in the file; without, the body is.
    """
    found = {}
    for name, cipher in {"plain": None, "encrypted": JournalCipher(new_token_key())}.items():
        journals = Journals(folder / name, cipher)
        async with journals.open() as journal:
            await journal.append(message(body=BODY))
        data = b"".join(path.read_bytes() for path in journals.paths())
        found[name] = [each in data for each in (BODY, b"hrv", b"x-test")]

    assert found == {"plain": [True, True, True], "encrypted": [False, False, False]}


async def test_another_key_is_refused_and_a_replaced_one_still_decrypts(folder: Path) -> None:
    """
    Without the key, or with another: an error that names the variable and the key's name, and no entry. With the new
    key in front of the old one all can be read.
    """
    old, new = new_token_key(), new_token_key()
    async with Journals(folder, JournalCipher(old)).open() as journal:
        await journal.append(message("old"))
    async with Journals(folder, JournalCipher(f"{new},{old}")).open() as journal:
        await journal.append(message("new"))

    for cipher in (None, JournalCipher(new)):
        with pytest.raises(Misconfigured, match=r"AA_MESSAGE_JOURNAL_KEY.*[0-9a-f]{8}"):
            await Journals(folder, cipher).ids()
    assert {"old", "new"} == set(await Journals(folder, JournalCipher(f"{new} {old}")).ids())


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    """
    No key, a short one, two places, and a file that is not there: each an error with the variable's name.
    """
    wrong: list[Callable[[], object]] = [
        lambda: read_journal_cipher("x", None),
        lambda: read_journal_cipher("ä", None),
        lambda: read_journal_cipher(new_token_key()[:20], None),
        lambda: read_journal_cipher(new_token_key(), tmp_path / "key"),
        lambda: read_journal_cipher(None, tmp_path / "key"),
    ]
    for each in wrong:
        with pytest.raises(Misconfigured, match="AA_MESSAGE_JOURNAL_KEY"):
            each()


async def test_processes_on_one_folder_have_a_slot_each(journals: Journals) -> None:
    """
    Three processes of two services write side by side, each in its own folder; one that comes later takes a free slot.
    """
    async with journals.open() as first, journals.open() as second, journals.open("fetch") as third:
        await asyncio.gather(
            *(each.append(message(name)) for each, name in ((first, "a"), (second, "b"), (third, "c")))
        )
        taken = [path.name for path in slots_in(journals.folder)]
    async with journals.open() as later:
        await later.append(message("d"))

    assert (["fetch-0", "ingest-0", "ingest-1"], {"a", "b", "c", "d"}) == (taken, set(await journals.ids()))
    assert len(slots_in(journals.folder)) == 3


def test_a_killed_process_leaves_its_slot_and_all_that_was_flushed(journals: Journals) -> None:
    """
    Another process takes a slot, appends, and is killed: the slot is free at once, what it had flushed is read, its
    torn tail is cut off and the segment is closed.
    """
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from support.journals import Journals, message\n"
        "async def main():\n"
        "    journal = Journals(Path(sys.argv[1])).new()\n"
        "    await journal.open()\n"
        "    await journal.append(message('flushed'))\n"
        "    os.write(journal._writer._current._file, b'half a frame')\n"
        "    os._exit(9)\n"
        "asyncio.run(main())\n"
    )
    plain = Journals(journals.folder)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    died = subprocess.run(
        [sys.executable, "-c", program, str(plain.folder)], env=environment, check=False, capture_output=True
    )

    async def read() -> list[str]:
        before = await plain.ids()
        async with plain.open():
            return [*before, *await plain.ids()]

    assert died.returncode == 9, died.stderr
    assert asyncio.run(read()) == ["flushed", "flushed"]
    reader = FileJournalReader(plain.folder, None)
    assert [b"half a frame" in path.read_bytes() for path in plain.paths()] == [False]
    assert reader.damaged == 0


async def test_segments_go_by_age_and_by_size_and_the_newest_stays(folder: Path) -> None:
    """
    What is older than wanted is deleted; beyond the bytes the oldest go first, and a series says how much.
    """
    journals = Journals(folder, retention=Retention(timedelta(hours=48), 48_000))
    async with journals.open() as journal:
        for number in range(60):
            await journal.append(message(f"m{number}", bytes(1000)))
        await eventually(lambda: _is(lambda: _bytes_in(journals) <= 48_000))
        kept = await journals.ids()
        journals.at += timedelta(hours=49)
        await journal.append(message("latest"))
        await eventually(lambda: _is_only(journals, "latest"))

    assert [f"m{number}" for number in range(60)][-len(kept) :] == kept
    assert 30 <= len(kept) < 60
    assert journals.figure("message_journal_cut_short_bytes_total") > 10_000


def _bytes_in(journals: Journals) -> int:
    return sum(path.stat().st_size for path in journals.paths())


async def _is(condition: Callable[[], bool]) -> bool:
    return condition()


async def _is_only(journals: Journals, name: str) -> bool:
    return await journals.ids() == [name]


async def test_what_a_process_left_that_is_no_more_is_deleted_in_time(folder: Path) -> None:
    """
    A service that had two processes has one: the other's slot is emptied by it once its segments are too old.
    """
    journals = Journals(folder)
    async with journals.open() as first, journals.open() as second:
        await asyncio.gather(first.append(message("first")), second.append(message("second")))
    journals.at += timedelta(hours=49)
    async with journals.open() as first:
        await first.append(message("new"))

        assert await journals.ids() == ["new"]


async def test_only_segments_of_that_time_are_read(folder: Path) -> None:
    """
    With `since` only what was accepted then comes, and the segments before it are not opened.
    """
    journals = Journals(folder)
    async with journals.open() as journal:
        await journal.append(message("early"))
    journals.at += timedelta(hours=1)
    since = journals.at - timedelta(minutes=1)
    async with journals.open() as journal:
        await journal.append(message("late"))
    reader = FileJournalReader(folder, None)

    assert ([each.message.message_id async for each in reader.entries(since)], reader.segments) == (["late"], 1)
    assert await journals.ids() == ["early", "late"]


async def test_a_clock_that_is_set_back_hides_and_deletes_nothing(folder: Path) -> None:
    """
    Written at 12:00 and, into the same segment, at 11:00: both are read with `since` 11:30 as their own times say, and
    of segments that were begun later, at an earlier time, those that were begun first go first.
    """
    journals = Journals(folder, retention=Retention(timedelta(hours=48), 48_000))
    noon = journals.at
    async with journals.open() as journal:
        await journal.append(message("noon"))
        journals.at = noon - timedelta(hours=1)
        await journal.append(message("eleven"))
        since = await journals.ids(noon - timedelta(minutes=30))
        for number in range(60):
            journals.at -= timedelta(minutes=1)
            await journal.append(message(f"m{number}", bytes(1000)))
        await eventually(lambda: _is(lambda: _bytes_in(journals) <= 48_000))
        kept = await journals.ids()

    assert since == ["noon"]
    assert [f"m{number}" for number in range(60)][-len(kept) :] == kept


async def test_a_damaged_segment_is_counted_and_the_rest_is_read(journals: Journals) -> None:
    """
    Bytes changed in a header, an entry and a footer: each is counted, and every other entry is read.
    """
    async with journals.open() as journal:
        for name in "abc":
            await journal.append(message(name))
    path = journals.paths()[0]
    data = bytearray(path.read_bytes())
    header_bytes = data.index(b"\xaaMJ\x01", 4)
    counts: list[tuple[int, bool]] = []
    for place in (40, header_bytes + 40, len(data) - 5):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        reader = FileJournalReader(journals.folder, journals.cipher)
        read = [each.message.message_id async for each in reader.entries(None)]
        counts.append((len(read), reader.damaged > 0 or path.stat().st_size == len(data)))

    assert [count for count, _ in counts] == [3, 2, 3]


async def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    """
    The error names the variable, the folder and the remedy.
    """
    (tmp_path / "file").write_text("x")
    with pytest.raises(Misconfigured, match=r"AA_MESSAGE_JOURNAL_DIR.*file.*name a folder"):
        await Journals(tmp_path / "file").new().open()


async def test_a_write_that_fails_fails_its_group_and_later_ones_go_on(
    journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The disk refuses: each waiting call gets the reason, a series counts, and nothing of the group is in the journal.
    When the disk takes bytes again the journal says so by itself, without any message, and the next one is held.
    """
    real = segment_file.flush
    is_full = True

    def flush(file: int) -> None:
        if is_full:
            raise OSError(28, "No space left on device")
        real(file)

    async with journals.open() as journal:
        await journal.append(message("before"))
        monkeypatch.setattr(segment_file, "flush", flush)
        failed = await asyncio.gather(*(journal.append(message(f"x{n}")) for n in range(3)), return_exceptions=True)
        problem = journal.problem
        is_full = False
        await eventually(lambda: _is(lambda: not journal.problem))
        await journal.append(message("after"))

    assert {JournalUnavailable} == {type(each) for each in failed}
    assert all("No space left" in str(each) and str(journals.folder) in str(each) for each in (*failed, problem))
    assert (
        await journals.ids(),
        journals.figure("message_journal_failures_total") >= 1,
    ) == (["before", "after"], True)


async def test_a_disk_that_stands_still_does_not_fill_the_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Beyond a bound of waiting bytes a call is refused at once, and what was taken is written when the disk goes on.
    """
    journals = Journals(folder)
    monkeypatch.setattr(file_journal, "_MAX_WAITING_BYTES", 2000)
    go_on = threading.Event()
    real = segment_file.flush

    def stalled(file: int) -> None:
        go_on.wait()
        real(file)

    async with journals.open() as journal:
        monkeypatch.setattr(segment_file, "flush", stalled)
        calls = [journal.append(message(f"m{number}", bytes(900))) for number in range(2)]
        await asyncio.sleep(0)
        calls += [journal.append(message(f"m{number}", bytes(900))) for number in range(2, 6)]
        with pytest.raises(JournalUnavailable, match="does not keep up"):
            await calls[-1]
        go_on.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    held = [f"m{number}" for number, outcome in enumerate(outcomes) if outcome is None]
    assert held == await journals.ids()
    assert len(held) >= 2


async def test_a_journal_that_is_not_open_refuses(folder: Path) -> None:
    """
    Before and after it is open nothing waits for ever.
    """
    journals = Journals(folder)
    journal = journals.new()
    with pytest.raises(JournalUnavailable):
        await journal.append(message())
    await journal.open()
    await journal.append(message("held"))
    await journal.close()
    with pytest.raises(JournalUnavailable):
        await journal.append(message())

    assert await journals.ids() == ["held"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_others_on_the_machine_read_nothing(folder: Path) -> None:
    """
    Folder and file are for their owner only.
    """
    journals = Journals(folder)
    async with journals.open() as journal:
        await journal.append(message())
        modes = [path.stat().st_mode & 0o077 for path in (folder / "ingest-0", *journals.paths())]

    assert {0} == set(modes)


def test_a_slot_that_is_taken_is_passed_over_also_by_another_thread(folder: Path) -> None:
    """
    A second take in the same process gets another slot.
    """
    first, second = take_slot(folder, "ingest"), take_slot(folder, "ingest")

    assert [first.path.name, second.path.name] == ["ingest-0", "ingest-1"]
    first.release()
    second.release()
