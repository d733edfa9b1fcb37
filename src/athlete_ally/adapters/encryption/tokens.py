"""Encrypting tokens at rest: Fernet (AES-128-CBC and HMAC-SHA256) with keys that can be replaced one after another.

https://cryptography.io/en/latest/fernet/
"""

import re
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from athlete_ally.core.errors import Misconfigured
from athlete_ally.core.vendor.grant import Tokens


class _Encrypted(msgspec.Struct, frozen=True):
    """What is encrypted. The owner is inside, so that a row's tokens are of no use in another row."""

    owner: tuple[str, str]
    access: str
    refresh: str | None
    expires_at: datetime


class TokenCipher:
    """Encrypts with the first key, and decrypts with any of them."""

    def __init__(self, keys: str) -> None:
        """Take keys with commas or white space between.

        Raises:
            Misconfigured: there is none, or one is not a key.
        """
        self._fernet = fernet_of(keys)

    def encrypt(self, vendor: str, account: str, tokens: Tokens) -> bytes:
        """Return the tokens, encrypted."""
        content = _Encrypted((vendor, account), tokens.access, tokens.refresh, tokens.expires_at)
        return self._fernet.encrypt(msgspec.json.encode(content))

    def decrypt(self, vendor: str, account: str, encrypted: bytes) -> Tokens:
        """Return the tokens.

        Raises:
            Misconfigured: no key opens them, or they are another account's.
        """
        try:
            content = msgspec.json.decode(self._fernet.decrypt(encrypted), type=_Encrypted)
        except InvalidToken as error:
            raise Misconfigured(
                "AA_TOKEN_KEY: none of its keys opens the stored tokens: add the one that encrypted them"
            ) from error
        if content.owner != (vendor, account):
            raise Misconfigured("stored tokens belong to another account: the table vendor_grant was tampered with")
        return Tokens(content.access, content.refresh, content.expires_at)

    def renew(self, encrypted: bytes) -> bytes:
        """Return the same, encrypted with the first key.

        Raises:
            Misconfigured: no key opens it.
        """
        try:
            return self._fernet.rotate(encrypted)
        except InvalidToken as error:
            raise Misconfigured("AA_TOKEN_KEY: none of its keys opens the stored tokens") from error


def fernet_of(keys: str) -> MultiFernet:
    """Return what encrypts with the first of these keys.

    Raises:
        Misconfigured: there is none, or one is not a key.
    """
    try:
        return MultiFernet([Fernet(key) for key in re.split(r"[,\s]+", keys.strip())])
    except ValueError as error:
        raise Misconfigured("AA_TOKEN_KEY: not a key; make one with `athlete-ally keys token`") from error


def new_token_key() -> str:
    """Return a new key from the system's randomness."""
    return Fernet.generate_key().decode()


def read_token_keys(key: str | None, file: Path | None) -> str:
    """Return the keys that are configured.

    Raises:
        Misconfigured: none is, or two places are, or the file can't be read.
    """
    if key is not None and file is not None:
        raise Misconfigured("AA_TOKEN_KEY and AA_TOKEN_KEY_FILE are both set: unset one of them")
    if key is not None:
        return key
    if file is None:
        raise Misconfigured(
            "AA_TOKEN_KEY or AA_TOKEN_KEY_FILE: one is needed to keep tokens; `athlete-ally keys token --out FILE`"
        )
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"AA_TOKEN_KEY_FILE: {file} can't be read ({type(error).__name__})") from error
