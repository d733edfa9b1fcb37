"""Spans of time and sizes, as people write them in files (`7d`, `64 GiB`) and as numbers with a unit."""

import re
from collections.abc import Mapping
from typing import Final, Self

_SPAN_UNITS_S: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_SIZE_UNITS: Final = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "bytes": 1}


class Span(int):
    """A span of time in whole seconds."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the span that `90s`, `2m`, `48h` or `7d` names.

        Raises:
            ValueError: it is none of these; the text says what is wanted.
        """
        return cls(_parse(text, _SPAN_UNITS_S, example="48h or 7d"))

    def __str__(self) -> str:
        return _format(self, _SPAN_UNITS_S, space="")


class Size(int):
    """A size in bytes."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the size that `512 MiB` or `64 GiB` names.

        Raises:
            ValueError: it is none of these; the text says what is wanted.
        """
        return cls(_parse(text, _SIZE_UNITS, example="512 MiB or 64 GiB"))

    def __str__(self) -> str:
        return _format(self, _SIZE_UNITS, space=" ")


def _parse(text: str, units: Mapping[str, int], *, example: str) -> int:
    found = re.fullmatch(rf"(\d{{1,15}}) ?({'|'.join(units)})", text)
    if found is None:
        raise ValueError(f"{text!r} has none of the units {', '.join(units)}: write {example}")
    return int(found[1]) * units[found[2]]


def _format(value: int, units: Mapping[str, int], *, space: str) -> str:
    """Return the value in the largest unit that loses nothing."""
    unit, factor = next((unit, factor) for unit, factor in units.items() if int(value) % factor == 0)
    return f"{int(value) // factor}{space}{unit}"
