"""FIT files: read at once, their checksums checked before anything is taken from them, decoded and named."""

from collections.abc import Iterator
from pathlib import Path

from athlete_ally.adapters.files.export_file import read_whole
from athlete_ally.adapters.files.fit_profile import named
from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats import fit_decode
from athlete_ally.formats.fit_decode import Section, Unread
from athlete_ally.formats.fit_message import Message
from athlete_ally.formats.parse_result import Skipped

# A day of a bike computer that writes every second has some 10 MiB.
_MOST_BYTES = 256 * 1024 * 1024


def messages(path: Path) -> Iterator[Message | Skipped]:
    """Yield the data messages of a file on disk, and what can't be read of it.

    Raises:
        UnreadableFile: it is not a FIT file, or damaged; a wrong checksum means that values may be wrong too.
    """
    yield from decoded(read_whole(path, _MOST_BYTES), path.name)


def decoded(content: bytes, name: str) -> Iterator[Message | Skipped]:
    """Yield the data messages of a chain of files. A damaged one among sound ones is left out, and named.

    Raises:
        UnreadableFile: there is no sound file in it.
    """
    found = list(fit_decode.sections(content))
    if not any(isinstance(each, Section) and each.is_sound for each in found):
        raise UnreadableFile(f"{name} is no FIT file, or damaged ({_why(found)})")
    for each in found:
        if isinstance(each, Unread):
            yield Skipped("bytes behind the checksum", each.reason, f"from byte {each.place} on")
        elif not each.is_sound:
            yield Skipped("a file of a chain", "its checksum is wrong", f"from byte {each.start} on")
        else:
            for message in fit_decode.messages(content, each):
                yield _left_out(message) if isinstance(message, Unread) else named(message)


def _left_out(unread: Unread) -> Skipped:
    return Skipped("the rest of a file", unread.reason, f"from byte {unread.place} on")


def _why(found: list[Section | Unread]) -> str:
    if not found:
        return "there is nothing in it"
    return found[0].reason if isinstance(found[0], Unread) else "its checksum is wrong"
