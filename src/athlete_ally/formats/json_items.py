"""The items of JSON in account exports, which vendors do not document: every field may be missing or null."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from athlete_ally.core.errors import UnreadableFile

Item = dict[str, Any]


def items_of(content: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each item of a list; any other document is its only item.

    Raises:
        UnreadableFile: it is not JSON.
    """
    try:
        document: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFile("not JSON: copy it again, or export it again") from error
    yield from enumerate(cast("list[Any]", document) if isinstance(document, list) else [document], 1)


def objects_in(value: Any) -> list[Item]:
    """Return the objects of a list; none where there is no list."""
    return (
        [cast("Item", each) for each in cast("list[Any]", value) if isinstance(each, dict)]
        if isinstance(value, list)
        else []
    )


def number_of(item: Item, *names: str) -> float | None:
    """Return the first of these fields that holds a number within every measure."""
    for name in names:
        value = item.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9:  # noqa: PLR2004
            return float(value)
    return None
