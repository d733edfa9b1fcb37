"""How far an import has come: a small file, replaced as a whole, so that one which was cut off goes on where it was."""

import os
from datetime import datetime
from pathlib import Path

import msgspec

from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.ports import Now


class Progress(msgspec.Struct, kw_only=True):
    """What ingest has acknowledged: all batches up to and with `acknowledged`, counted from 1."""

    started_at: datetime
    acknowledged: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    is_complete: bool = False


class ImportProgress:
    """The progress of one import; batches may be acknowledged in any order."""

    def __init__(self, path: Path, *, now: Now, again: bool = False) -> None:
        """Read what is there; `again` starts from the beginning.

        Raises:
            Misconfigured: the file can't be read or written.
        """
        self._path = path
        self._ahead: dict[int, tuple[int, int, int]] = {}
        self.progress = Progress(started_at=now())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not again:
                self.progress = msgspec.json.decode(path.read_bytes(), type=Progress)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{path}: the journal can't be used ({error}); remove it to start anew") from error

    def acknowledge(self, number: int, *, accepted: int, duplicates: int, refused: int) -> None:
        """Note that batch `number` is done; the file says so as soon as all before it are."""
        self._ahead[number] = (accepted, duplicates, refused)
        before = self.progress.acknowledged
        while (done := self._ahead.pop(self.progress.acknowledged + 1, None)) is not None:
            self.progress.acknowledged += 1
            self.progress.accepted += done[0]
            self.progress.duplicates += done[1]
            self.progress.refused += done[2]
        if self.progress.acknowledged > before:
            self._write()

    def complete(self) -> None:
        """Note that there is nothing left to send."""
        self.progress.is_complete = True
        self._write()

    def _write(self) -> None:
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            temporary.write_bytes(msgspec.json.encode(self.progress))
            temporary.replace(self._path)
        except OSError as error:
            raise Misconfigured(f"{self._path}: the journal can't be written: {error.strerror}") from error
