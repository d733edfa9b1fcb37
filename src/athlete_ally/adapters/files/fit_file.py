"""FIT files, decoded by fitdecode, their checksums checked before anything is taken from them."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import fitdecode  # pyright: ignore[reportMissingTypeStubs]  # it has none

from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats.fit import Message

_LIBRARY: Any = fitdecode
# What the library raises for bytes that it did not expect: its own errors, and those of Python beneath.
_DAMAGE = (
    *(_LIBRARY.FitError, OSError, struct.error),
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
)


def messages(path: Path) -> Iterator[Message]:
    """Yield the data messages of a file that was read to its end once: nothing is taken from a damaged one.

    Raises:
        UnreadableFile: it is no FIT file, or damaged; a wrong checksum means that values may be wrong too.
    """
    try:
        frames = sum(1 for _ in _messages(path))
    except _DAMAGE as error:
        raise UnreadableFile(f"{path.name} is no FIT file, or damaged ({type(error).__name__})") from error
    if not frames:
        raise UnreadableFile(f"{path.name} is no FIT file, or damaged (there is nothing in it)")
    yield from _messages(path)


def _messages(path: Path) -> Iterator[Message]:
    strict = {"check_crc": _LIBRARY.CrcCheck.RAISE, "error_handling": _LIBRARY.ErrorHandling.RAISE}
    with _LIBRARY.FitReader(str(path), **strict) as frames:
        for frame in frames:
            if frame.frame_type == _LIBRARY.FIT_FRAME_DATA:
                yield cast("Message", frame)
