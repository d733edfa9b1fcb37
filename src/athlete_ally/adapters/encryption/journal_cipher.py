"""Encrypting entries of the message journal: AES-256-GCM with keys that can be replaced one after another.

https://cryptography.io/en/latest/hazmat/primitives/aead/
"""

import os
import re
from base64 import urlsafe_b64decode
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from athlete_ally.core.errors import Misconfigured

_NONCE_BYTES = 12
_KEY_BYTES = 32
_VARIABLE = "AA_MESSAGE_JOURNAL_KEY"


class JournalCipher:
    """Encrypts with the first key, and decrypts what any of them encrypted. `names` name them, in order."""

    def __init__(self, keys: str) -> None:
        """Take keys with commas or white space between.

        Raises:
            Misconfigured: there is none, or one is not a key.
        """
        derived = [_derived(key) for key in re.split(r"[,\s]+", keys.strip())]
        self._ciphers = {_name(key): AESGCM(key) for key in derived}
        self.names = tuple(self._ciphers)
        self.name = self.names[0]

    def encrypt(self, plain: bytes, context: bytes) -> bytes:
        """Return a text, encrypted; it can be decrypted in the same context only.

        A nonce is random: with one key, 2^32 messages keep the chance of an equal pair below 2^-32 (NIST SP 800-38D,
        8.3).
        """
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[self.name].encrypt(nonce, plain, context)

    def decrypt(self, encrypted: bytes, context: bytes, *, name: str) -> bytes:
        """Return the text that the key of this name encrypted.

        Raises:
            Misconfigured: the key is not among ours, or it was encrypted in another context.
        """
        try:
            nonce, rest = encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:]
            return self._ciphers[name].decrypt(nonce, rest, context)
        except (KeyError, InvalidTag, ValueError) as error:
            reason = f"{_VARIABLE}: none of its keys decrypts a segment that key {name} encrypted"
            raise Misconfigured(f"{reason}: add that key") from error


def read_journal_cipher(key: str | None, file: Path | None) -> JournalCipher | None:
    """Return the cipher that is configured, or None where no key is set.

    Raises:
        Misconfigured: two places are set, the file can't be read, or there is no key in it.
    """
    if key is not None and file is not None:
        raise Misconfigured(f"{_VARIABLE} and {_VARIABLE}_FILE are both set: unset one of them")
    if file is None:
        return None if key is None else JournalCipher(key)
    try:
        return JournalCipher(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{_VARIABLE}_FILE: {file} can't be read ({type(error).__name__})") from error


def _derived(key: str) -> bytes:
    """Return the key for this purpose: one that also encrypts tokens is not used twice as it is."""
    try:
        secret = urlsafe_b64decode(key.encode())
    except ValueError as error:
        raise Misconfigured(f"{_VARIABLE}: not a key; make one with `athlete-ally keys token`") from error
    if len(secret) != _KEY_BYTES:
        raise Misconfigured(f"{_VARIABLE}: not a key; make one with `athlete-ally keys token`")
    return blake2b(key=secret, digest_size=_KEY_BYTES, person=b"aa-journal").digest()


def _name(key: bytes) -> str:
    return blake2b(key, digest_size=4, person=b"aa-journal-name").hexdigest()
