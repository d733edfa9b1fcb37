"""The sender of a message: the client whose API key was verified, or the vendor. Pure."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from athlete_ally.core.messages.headers import SENDER

UNKNOWN: Final = "unknown"
"""The sender of a message that names none: ingest runs without keys, or another publisher wrote it."""

# Printable ASCII but the percent sign, by which everything else is written.
_SAFE = "".join(chr(code) for code in range(ord(" "), ord("~") + 1) if chr(code) != "%")
_MOST_CHARACTERS = 128
_VALID = re.compile(r"(?:key|vendor):[ -~]{1,128}")


def key_sender(name: str) -> str:
    """Return the sender whose API key has this name. Safe in a header: what is not ASCII is percent-encoded."""
    return f"key:{quote(name, safe=_SAFE)[:_MOST_CHARACTERS] or '?'}"


def vendor_sender(vendor: str) -> str:
    """Return the sender of what a vendor sent, or gave when it was asked."""
    return f"vendor:{vendor}"


def sender_of(stated: Mapping[str, str]) -> str:
    """Return the sender that a message with these headers names, or `unknown`."""
    named = stated.get(SENDER, "")
    return named if _VALID.fullmatch(named) else UNKNOWN
