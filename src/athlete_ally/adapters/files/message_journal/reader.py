"""Reading the message journal, also while it is being written."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from athlete_ally.adapters.encryption.journal_cipher import JournalCipher
from athlete_ally.adapters.files.message_journal.segment_name import SegmentName
from athlete_ally.adapters.files.message_journal.slots import segments_in, slots_in
from athlete_ally.core.errors import InvalidMessage, Misconfigured
from athlete_ally.core.messages.journal_entry import JournalEntry, JournalFolder, decode_entry
from athlete_ally.core.messages.journal_segment import Segment, StoredEntry, read_segment

_UNREADABLE = "an entry can't be read, nor the header of its segment"


@dataclass(slots=True)
class FileJournalReader:
    """Reads all slots of a folder, each segment as it was when its turn came."""

    folder: Path
    cipher: JournalCipher | None
    damaged: int = 0
    segments: int = 0
    oldest_at: datetime | None = None

    async def entries(self, since: datetime | None) -> AsyncGenerator[JournalEntry]:
        """See the port."""
        self.damaged = self.segments = 0
        self.oldest_at = None
        for path, name in await asyncio.to_thread(self._paths, since):
            for entry in await asyncio.to_thread(self._read, path, name):
                if since is None or entry.at >= since:
                    yield entry

    def _paths(self, since: datetime | None) -> list[tuple[Path, SegmentName]]:
        """Return the segments with entries of that time. Raises Misconfigured."""
        if not self.folder.is_dir():
            reason = f"there is no message journal in {self.folder}"
            raise Misconfigured(f"AA_MESSAGE_JOURNAL_DIR: {reason}; name the folder that ingest writes to")
        found = [each for slot in slots_in(self.folder) for each in segments_in(slot)]
        self.oldest_at = min((name.created_at for _, name in found), default=None)
        return [each for each in found if since is None or _may_hold(each[0], since)]

    def _read(self, path: Path, name: SegmentName) -> list[JournalEntry]:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = None
        if data is None or not path.exists():
            # Its owner deleted it for its age, or `erase` replaced it by one with the same number.
            replaced = [each for each in segments_in(path.parent) if each[1].number == name.number]
            return [entry for each in replaced for entry in self._read(*each)]
        self.segments += 1
        found = Segment(name.segment)
        entries = list(self._decoded(read_segment(data, found), found))
        self.damaged += found.damaged
        return entries

    def _decoded(self, stored: Iterator[StoredEntry], found: Segment) -> Iterator[JournalEntry]:
        for each in stored:
            try:
                yield read_entry(each, found, self.cipher)
            except InvalidMessage:
                found.damaged += 1


def read_entry(stored: StoredEntry, found: Segment, cipher: JournalCipher | None) -> JournalEntry:
    """Return an entry, decrypted where it is encrypted.

    Raises:
        Misconfigured: it is encrypted, and the key is not there.
        InvalidMessage: it can't be read.
    """
    if found.header is None:
        return _without_header(stored, cipher)
    if not found.header.key:
        return decode_entry(stored.payload)
    if cipher is None:
        reason = f"a segment of the message journal is encrypted with key {found.header.key}"
        raise Misconfigured(f"AA_MESSAGE_JOURNAL_KEY: {reason}, and no key is set")
    return decode_entry(cipher.decrypt(stored.payload, stored.context, name=found.header.key))


def _without_header(stored: StoredEntry, cipher: JournalCipher | None) -> JournalEntry:
    """Return an entry of a segment whose header is damaged: with which key it is encrypted is not known."""
    with suppress(InvalidMessage):
        return decode_entry(stored.payload)
    if cipher is None:
        raise InvalidMessage(_UNREADABLE)
    for name in cipher.names:
        with suppress(InvalidMessage, Misconfigured):
            return decode_entry(cipher.decrypt(stored.payload, stored.context, name=name))
    raise InvalidMessage(_UNREADABLE)


def look_at_folder(folder: Path) -> JournalFolder | None:
    """Return what a journal's folder holds; None where there is none."""
    try:
        slots = slots_in(folder)
        if not slots:
            return None
        segments = [each for slot in slots for each in segments_in(slot)]
        held = sum(stat.st_size for path, _ in segments if (stat := _stat(path)))
        oldest_at = min((name.created_at for _, name in segments), default=None)
        is_writable = all(os.access(slot, os.W_OK) for slot in slots)
        return JournalFolder(str(folder), held, shutil.disk_usage(folder).free, oldest_at, is_writable)
    except OSError:
        return JournalFolder(str(folder), 0, 0, None, is_writable=False)


def _may_hold(path: Path, since: datetime) -> bool:
    """Tell whether a segment, or what replaced it meanwhile, may hold entries of that time."""
    stat = _stat(path)
    return stat is None or stat.st_mtime >= since.timestamp()


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
