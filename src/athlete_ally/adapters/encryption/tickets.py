"""Tickets and states: small documents that travel through browsers, which nobody can read, change or use for long."""

from typing import Any

import msgspec
from cryptography.fernet import InvalidToken, MultiFernet

from athlete_ally.adapters.encryption.tokens import fernet_of
from athlete_ally.core.errors import Refused


class TicketCipher:
    """Encrypts with the keys of the token store; a document encrypted for one purpose is refused for any other."""

    def __init__(self, keys: str) -> None:
        """Take keys with commas or white space between. Raises as `TokenCipher`."""
        self._fernet: MultiFernet = fernet_of(keys)

    def encrypt(self, purpose: str, fields: dict[str, Any]) -> str:
        """Return the encrypted fields, safe to put into a URL."""
        return self._fernet.encrypt(msgspec.json.encode({"purpose": purpose, **fields})).decode()

    def decrypt(self, purpose: str, encrypted: str, *, lives_s: int | None) -> dict[str, Any]:
        """Return the fields; `lives_s` None means that it does not grow too old.

        Raises:
            Refused: it was not encrypted by us, or for another purpose, or longer ago than `lives_s`.
        """
        try:
            fields: dict[str, Any] = msgspec.json.decode(self._fernet.decrypt(encrypted, ttl=lives_s))
        except (InvalidToken, ValueError) as error:
            # ValueError: it is not ASCII.
            raise Refused(f"this {purpose} is not valid, or no longer: ask for a new link") from error
        if fields.pop("purpose", None) != purpose:
            raise Refused(f"this {purpose} is not valid, or no longer: ask for a new link")
        return fields
