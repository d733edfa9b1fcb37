"""From a message back to the one that it was made from: a webhook, or what was fetched after one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from athlete_ally.core.messages import headers
from athlete_ally.core.messages.dead_letter import number

# What any database column and any header of ours can hold.
_MOST_ID_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Parent:
    """The message in AA_VENDOR_HOT that another one was made from."""

    message_id: str
    sequence: int


def parent_headers(parent: Parent) -> dict[str, str]:
    """Return the headers by which a message names its parent."""
    return {headers.PARENT_ID: parent.message_id, headers.PARENT_SEQUENCE: str(parent.sequence)}


def parent_of(stated: Mapping[str, str]) -> Parent | None:
    """Return the parent that a message with these headers names; None where it names none."""
    message_id, sequence = stated.get(headers.PARENT_ID, ""), number(stated, headers.PARENT_SEQUENCE)
    if sequence is None or not 0 < len(message_id) <= _MOST_ID_CHARACTERS:
        return None
    return Parent(message_id, sequence)
