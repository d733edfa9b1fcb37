"""FIT files: read at once, their checksums checked before anything is taken from them, decoded and named."""

from collections.abc import Iterator
from pathlib import Path

from athlete_ally.adapters.files.export_file import read_whole
from athlete_ally.adapters.files.fit_profile import named
from athlete_ally.core.errors import UnreadableFile
from athlete_ally.formats import fit_decode
from athlete_ally.formats.fit_decode import Section, Unread
from athlete_ally.formats.fit_message import Message
from athlete_ally.formats.parse_result import Damaged, Skipped

# A day of a bike computer that writes every second has some 10 MiB.
_MOST_BYTES = 256 * 1024 * 1024
_WRONG = "its checksum is wrong"
_REST = "the rest of a file"


def messages(path: Path) -> Iterator[Message | Skipped | Damaged]:
    """Yield the data messages of a file on disk, and what can't be read of it.

    Raises:
        UnreadableFile: it is not a FIT file, or damaged; a wrong checksum means that values may be wrong too.
    """
    yield from decoded(read_whole(path, _MOST_BYTES), path.name)


def decoded(content: bytes, name: str) -> Iterator[Message | Skipped | Damaged]:
    """Yield the data messages of a chain of files. A damaged one among sound ones is left out, and named.

    What stands in front of the place where a file was cut off is read: Garmin's SDK decodes it, too.

    Raises:
        UnreadableFile: there is no file in it that could be read.
    """
    found = list(fit_decode.sections(content))
    if not any(isinstance(each, Section) and each.condition != "damaged" for each in found):
        raise UnreadableFile(f"{name} is no FIT file, or damaged ({_why(found)})")
    for each in found:
        if isinstance(each, Unread):
            yield Skipped("bytes behind the checksum", each.reason, f"from byte {each.place} on")
        elif each.condition == "damaged":
            yield Skipped("a file of a chain", _WRONG, f"from byte {each.start} on")
        else:
            yield from _messages(content, each, name)


def _messages(content: bytes, section: Section, name: str) -> Iterator[Message | Skipped | Damaged]:
    last, reason = section.end, ""
    for message in fit_decode.messages(content, section):
        if isinstance(message, Unread):
            last, reason = message.place, message.reason
        else:
            yield named(message)
    match section.condition:
        case "cut off":
            # Another copy may have it all, and is worth to be looked for.
            yield Damaged(name, f"it was cut off: what stands in front of byte {last} was read")
        case "not ended":
            yield Skipped(_REST, "the recording was never ended", f"from byte {last} on")
        case _ if reason:
            yield Skipped(_REST, reason, f"from byte {last} on")
        case _:
            pass


def _why(found: list[Section | Unread]) -> str:
    if not found:
        return "there is nothing in it"
    return found[0].reason if isinstance(found[0], Unread) else _WRONG
