"""The elements of TCX and GPX files, one by one as they end, and the numbers in them."""

import io
from collections.abc import Iterable, Iterator, Mapping
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from athlete_ally.core.errors import UnreadableFile

__all__ = ["Element"]


def ended(content: bytes, names: frozenset[str]) -> Iterator[Element]:
    """Yield the elements of these names as they end, each before what is around it; namespaces are taken off.

    A caller empties what it has read, so that a long file takes little memory.

    Raises:
        UnreadableFile: the file ends in the middle, or declares a document type or entities, which hostile files do.
    """
    try:
        # Strava writes spaces in front of the declaration, where XML allows nothing.
        for _, element in iterparse(io.BytesIO(content.lstrip()), forbid_dtd=True):
            element.tag = local(element.tag)
            if element.tag in names:
                yield element
    except ParseError as error:
        line, _ = error.position
        raise UnreadableFile(f"no well-formed XML, line {line}: copy it again, or export it again") from error
    except DefusedXmlException as error:
        raise UnreadableFile("the file declares a document type, which none of its format does: refused") from error
    except (LookupError, ValueError) as error:
        raise UnreadableFile("an encoding that nobody knows") from error


def local(tag: object) -> str:
    """Return a name without its namespace."""
    return str(tag).rpartition("}")[2]


def child(element: Element, *path: str) -> Element | None:
    """Return the first element on this way down; None where there is none."""
    found: Element | None = element
    for name in path:
        found = None if found is None else next((each for each in found if local(each.tag) == name), None)
    return found


def text(element: Element, *path: str) -> str | None:
    """Return the text of the first element on this way down; None where there is none."""
    found = child(element, *path)
    return None if found is None or found.text is None else found.text.strip() or None


def number(element: Element, *path: str) -> float | None:
    """Return the number on this way down; None where there is none, or it is none."""
    return number_in(text(element, *path))


def number_in(written: str | None) -> float | None:
    """Return a number; None where the text is none, or is beyond every measure."""
    try:
        value = float(written or "")
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None  # noqa: PLR2004  # what fields hold; no number fails this too


def add_numbers(
    values: list[tuple[str, str, float]], elements: Iterable[Element], codes: Mapping[str, tuple[str, str]]
) -> None:
    """Add code, unit and number of the elements whose names have a code, unless `values` has the code already."""
    for each in elements:
        code, unit = codes.get(local(each.tag), ("", ""))
        value = number_in(each.text)
        if code and value is not None and code not in {known for known, _, _ in values}:
            values.append((code, unit, value))
