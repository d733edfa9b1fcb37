"""What is known of a client's API key."""

import hashlib

import msgspec

PREFIX = "aak_"


class ClientKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key: never itself, only its digest. No `kinds` means that it may send all of them."""

    name: str
    sha256: str
    created: str
    kinds: tuple[str, ...] = ()


def digest(key: str) -> str:
    """Return what is stored of a key. A plain hash is enough: a key is 256 random bits, not a password."""
    return hashlib.sha256(key.encode()).hexdigest()
