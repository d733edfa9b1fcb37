"""Markdown as the generated pages use it."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a pipe in a cell would end it, and is escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(text: object) -> str:
    """Return text as code; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def codes(texts: Iterable[object]) -> str:
    """Return several texts as code."""
    return ", ".join(map(code, texts))


def size(count: int) -> str:
    """Return a number of bytes as people say it: 1 GiB, 1008 KiB."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count % factor == 0 and count >= factor:
            return f"{count // factor} {unit}"
    return f"{count} bytes"


def span(seconds: float) -> str:
    """Return a duration as people say it: 7 days, 48 hours, 60 s."""
    for unit, factor in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds % factor == 0 and seconds >= 2 * factor:
            return f"{seconds / factor:g} {unit}"
    return f"{seconds:g} s"
