"""Dead letters as lines of JSON with a checksum: what `export` writes and `import` reads. Pure.

The first line names the format, one follows for each letter, and the last holds their number and the sha256 of all
bytes before it: a file that was cut off or changed is recognised.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from athlete_ally.core.errors import InvalidMessage
from athlete_ally.core.messages.dead_letter import Letter

_FORMAT = "athlete-ally-dead-letters/1"


class _Head(msgspec.Struct, frozen=True, omit_defaults=True):
    format: str
    exported_at: datetime


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A letter; its body is text where it is UTF-8, else base64."""

    sequence: int
    subject: str
    headers: dict[str, str]
    stored_at: datetime
    body: str | None = None
    body_base64: str | None = None


class _Trailer(msgspec.Struct, frozen=True):
    letters: int
    sha256: str


class Archive:
    """Makes the lines of an export, one after the other."""

    def __init__(self, exported_at: datetime) -> None:
        """Begin; nothing is made before `head`."""
        self._exported_at = exported_at
        self._hash = hashlib.sha256()
        self.letters = 0

    def head(self) -> bytes:
        """Return the first line."""
        return self._hashed(_Head(_FORMAT, self._exported_at))

    def line(self, letter: Letter) -> bytes:
        """Return the line of a letter."""
        self.letters += 1
        try:
            body, body_base64 = letter.body.decode(), None
        except UnicodeDecodeError:
            body, body_base64 = None, base64.b64encode(letter.body).decode()
        return self._hashed(
            _Line(letter.sequence, letter.subject, dict(letter.headers), letter.stored_at, body, body_base64)
        )

    def trailer(self) -> bytes:
        """Return the last line."""
        return msgspec.json.encode(_Trailer(self.letters, self._hash.hexdigest())) + b"\n"

    def _hashed(self, line: msgspec.Struct) -> bytes:
        encoded = msgspec.json.encode(line) + b"\n"
        self._hash.update(encoded)
        return encoded


def read_archive(lines: Iterable[bytes]) -> Iterator[Letter]:
    """Yield the letters of an export; only one is in memory at a time.

    Raises:
        InvalidMessage: it is not an export, or it was cut off or changed; certain only once all letters were read.
    """
    digest = hashlib.sha256()
    letters = 0
    held: bytes | None = None
    for number, line in enumerate(lines):
        if number == 0:
            _check_head(line)
        elif held is not None:
            yield _letter(held, number)
            letters += 1
            digest.update(held)
        if number == 0:
            digest.update(line)
        else:
            held = line
    _check_trailer(held, letters, digest.hexdigest())


def _check_head(line: bytes) -> None:
    try:
        head = msgspec.json.decode(line, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessage("not an export of dead letters: its first line does not name the format") from error
    if head.format != _FORMAT:
        raise InvalidMessage(f"this export is of format {head.format!r}, and only {_FORMAT!r} can be read")


def _check_trailer(line: bytes | None, letters: int, sha256: str) -> None:
    try:
        trailer = msgspec.json.decode(line or b"", type=_Trailer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidMessage("the export was cut off: its last line, with the sha256, is missing") from error
    if (trailer.letters, trailer.sha256) != (letters, sha256):
        raise InvalidMessage("the export was changed after it was written: its sha256 differs; export again")


def _letter(line: bytes, number: int) -> Letter:
    try:
        found = msgspec.json.decode(line, type=_Line)
        body = base64.b64decode(found.body_base64) if found.body_base64 is not None else (found.body or "").encode()
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise InvalidMessage(f"line {number} of the export is no dead letter") from error
    return Letter(found.sequence, found.subject, found.headers, body, found.stored_at)
