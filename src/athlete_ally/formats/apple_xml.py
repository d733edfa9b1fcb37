"""The elements of an Apple Health export, from chunks of bytes: in bounded memory, and without a document type.

The document type is cut off before the parser sees it, since exports of iOS 16 have a broken one
(https://github.com/dogsheep/healthkit-to-sqlite/issues/24), and since without one there are no entities to expand: what
is known as an entity bomb is refused. Control characters that XML forbids are dropped, because exports have them
(https://github.com/jameno/Simple-Apple-Health-XML-to-CSV/pull/3); so are references to such characters, U+FFFE and
U+FFFF (https://www.w3.org/TR/xml/#charsets), and bytes that are not UTF-8 become U+FFFD.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple
from xml.parsers import expat

from athlete_ally.core.errors import UnreadableFile

_ROOT = b"<HealthData"
# The document type of an export has 15 KiB.
_MOST_PROLOGUE_BYTES = 1024 * 1024
# The longest element of an export is a workout with its statistics. An attribute without end would fill the memory.
_MOST_ELEMENT_BYTES = 8 * 1024 * 1024
_MOST_DEPTH = 16
_MOST_CHILDREN = 200_000
_FORBIDDEN = bytes(code for code in range(32) if code not in b"\t\n\r")
_NO_CHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_REFERENCE = re.compile(rb"&#(?:x([0-9a-fA-F]+)|([0-9]+));")
_LONGEST_REFERENCE = 16
_ACTIVITY = "WorkoutActivity"


class Element(NamedTuple):
    """An entry of the export: a child of the root, with the elements inside it, and its line in the file.

    What stands inside a `WorkoutActivity` is a part of that activity, and not of the workout around it.
    """

    name: str
    attributes: dict[str, str]
    children: list[tuple[str, dict[str, str]]]
    activities: tuple["Element", ...] = ()
    line: int = 0


def elements(chunks: Iterable[bytes]) -> Iterator[Element]:
    """Yield the entries one by one.

    Raises:
        UnreadableFile: this is not an export, it is hostile, or it ends in the middle; the entries in front of the
            place were yielded.
    """
    rest = _allowed(chunks)
    prologue, body = _from_root(rest)
    gatherer = _Gatherer(first_line=prologue.count(b"\n"))
    fed = 0
    try:
        for chunk in chain((body,), rest):
            fed = _feed(gatherer, chunk, fed)
            yield from gatherer.take()
        gatherer.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableFile("the export ends in the middle: make it again, or copy it again") from error
    except UnreadableFile:
        yield from gatherer.take()
        raise


def _allowed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes without what no XML document may hold."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = b""
    for chunk in chunks:
        data = held + decoder.decode(chunk.translate(None, _FORBIDDEN)).encode()
        # A reference may go on in the next chunk.
        at = data.rfind(b"&", max(0, len(data) - _LONGEST_REFERENCE))
        end = len(data) if at < 0 or b";" in data[at:] else at
        held = data[end:]
        yield _without_references(data[:end])
    yield _without_references(held + decoder.decode(b"", final=True).encode())


def _without_references(data: bytes) -> bytes:
    for character in _NO_CHARACTERS:
        data = data.replace(character, b"")
    return _REFERENCE.sub(_kept, data) if b"&#" in data else data


def _kept(reference: re.Match[bytes]) -> bytes:
    # A number with more digits than any character has is none, and costs no time.
    digits = (reference[1] or reference[2]).lstrip(b"0")[:8] or b"0"
    code = int(digits, 16 if reference[1] else 10)
    is_allowed = code in {0x9, 0xA, 0xD} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD  # noqa: PLR2004
    return reference[0] if is_allowed or 0x10000 <= code <= 0x10FFFF else b""  # noqa: PLR2004


def _from_root(chunks: Iterator[bytes]) -> tuple[bytes, bytes]:
    head = b""
    for chunk in chunks:
        head += chunk
        prologue, root, rest = head.partition(_ROOT)
        if root:
            if b"<!ENTITY" in prologue:
                raise UnreadableFile("the file declares entities, which no export of Apple Health does: refused")
            return prologue, root + rest
        if len(head) > _MOST_PROLOGUE_BYTES:
            break
    raise UnreadableFile("no <HealthData> in the file: is it the export.xml of Apple Health?")


def _feed(gatherer: "_Gatherer", data: bytes, fed: int) -> int:
    parser = gatherer.parser
    try:
        parser.Parse(data, False)
    except expat.ExpatError as error:
        place = f"line {error.lineno}"
        raise UnreadableFile(
            f"no well-formed XML, {place} after <HealthData>: {expat.ErrorString(error.code)}"
        ) from error
    fed += len(data)
    if fed - parser.CurrentByteIndex > _MOST_ELEMENT_BYTES:
        raise UnreadableFile(
            f"an element is longer than {_MOST_ELEMENT_BYTES} bytes, which none of an export is: refused"
        )
    return fed


class _Gatherer:
    """Takes the parser's events, and keeps what is inside the root until it is taken."""

    def __init__(self, *, first_line: int) -> None:
        self._first_line = first_line
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._depth = 0
        self._ready: list[Element] = []
        self._children: list[tuple[str, dict[str, str]]] = []
        self._entry: tuple[str, dict[str, str]] = ("", {})
        self._line = 0
        self._held = 0
        self._activity_depth = 0
        self._activities: list[Element] = []

    def take(self) -> list[Element]:
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 2:  # noqa: PLR2004  # a child of the root
            self._entry = (name, attributes)
            self._line = self._first_line + self.parser.CurrentLineNumber
        elif self._depth > _MOST_DEPTH or self._held >= _MOST_CHILDREN:
            raise UnreadableFile("elements are nested as in no export of Apple Health: refused")
        elif self._depth > 2:  # noqa: PLR2004  # inside of one
            self._held += 1
            self._take_inside(name, attributes)

    def _take_inside(self, name: str, attributes: dict[str, str]) -> None:
        if name == _ACTIVITY and not self._activity_depth:
            self._activity_depth = self._depth
            self._activities.append(
                Element(name, attributes, [], line=self._first_line + self.parser.CurrentLineNumber)
            )
        elif self._activity_depth:
            self._activities[-1].children.append((name, attributes))
        else:
            self._children.append((name, attributes))

    def _end(self, _name: str) -> None:
        if self._depth == self._activity_depth:
            self._activity_depth = 0
        self._depth -= 1
        if self._depth == 1:
            self._ready.append(Element(*self._entry, self._children, tuple(self._activities), self._line))
            self._children, self._activities, self._held = [], [], 0

    def _refuse_doctype(self, *_: object) -> None:
        raise UnreadableFile("a document type inside of the document: refused")
