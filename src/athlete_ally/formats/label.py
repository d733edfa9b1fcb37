"""Texts of other programs, as fields of ours can hold them."""

MOST_LABEL = 128


def printable(value: object) -> str:
    """Return a value as text, with a space for each character that can't be printed."""
    return "".join(each if each.isprintable() else " " for each in str(value))


def label(value: object) -> str:
    """Return the printable text of a value, cut to what a field holds."""
    return printable(value)[:MOST_LABEL]


def lower_label(written: str | None, otherwise: str) -> str:
    """Return a label in lower case; `otherwise` where nothing is written."""
    return printable(written or "").strip().lower()[:MOST_LABEL] or otherwise
