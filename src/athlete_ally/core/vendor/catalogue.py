"""What a vendor can send, and how each of it is handled: for the docs, which show it as a table."""

from dataclasses import dataclass
from typing import Literal

Fate = Literal["taken", "counted", "unconfirmed"]
"""Taken: it becomes readings. Counted: it is left out, and counted as ignored. Unconfirmed: nobody could look it up."""

NO_KIND = "nothing that is a kind of ours"
NOT_ASKED = "not asked for"
OWN_SCORE = "a score of the vendor's own"


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a vendor can send, by its real name; the kinds (or codes of `samples`) it becomes, or why not."""

    name: str
    fate: Fate
    becomes: str


def taken(**said: str) -> tuple[Said, ...]:
    """Return what becomes readings, each with what it becomes."""
    return tuple(Said(name, "taken", becomes) for name, becomes in said.items())


def counted(why: str, *names: str) -> tuple[Said, ...]:
    """Return what is left out for one reason."""
    return tuple(Said(name, "counted", why) for name in names)
