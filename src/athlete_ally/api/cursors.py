"""Cursors: the place where a reader goes on, encrypted, so that nobody reads or makes one."""

from typing import TypeVar

import msgspec

from athlete_ally.api.access import Cipher
from athlete_ally.api.refusal import invalid
from athlete_ally.core.errors import Refused

Place = TypeVar("Place")


def cursor_of(cipher: Cipher, purpose: str, place: msgspec.Struct) -> str:
    """Return the cursor of a place; a cursor is good for what it was made for only."""
    return cipher.encrypt(purpose, {"place": msgspec.to_builtins(place)})


def place_of(cipher: Cipher, purpose: str, cursor: str, place: type[Place], parameter: str) -> Place:
    """Return the place of a cursor.

    Raises:
        Refusal: 400, it is not one of ours, or of another list.
    """
    try:
        return msgspec.convert(cipher.decrypt(purpose, cursor, lives_s=None)["place"], place)
    except (Refused, msgspec.ValidationError, KeyError):
        raise invalid(parameter, "not a cursor of this list: begin without one") from None
