"""What is known of a client's API key, and what it allows. Pure."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

PREFIX = "aak_"
READ, INGEST = "read", "ingest"


class ClientKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key: never itself, only its digest.

    `scopes` are what it allows: `ingest:KIND` and `read:KIND`, with `*` for every kind. A key without scopes is one
    for sending: `kinds`, or all of them. `person` is the only one it concerns; `prefix` is put in front
    of every user id that it names, and taken off what it reads. It ends at `expires`.
    """

    name: str
    sha256: str
    created: str
    kinds: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    person: str | None = None
    prefix: str = ""
    expires: datetime | None = None
    requests_per_minute: int | None = None

    def allows(self, action: str, kind: str) -> bool:
        """Tell whether the key has a scope for this action on a kind."""
        return bool({f"{action}:{kind}", f"{action}:*"} & set(scopes_of(self)))

    def has_ended(self, now: datetime) -> bool:
        """Tell whether the key's time is over."""
        return self.expires is not None and self.expires <= now


def scopes_of(key: ClientKey) -> Sequence[str]:
    """Return what a key allows, those included that an old key means without saying so."""
    return key.scopes or tuple(f"{INGEST}:{kind}" for kind in key.kinds) or (f"{INGEST}:*",)


def digest(key: str) -> str:
    """Return what is stored of a key. A plain hash is enough: a key is 256 random bits, not a password."""
    return hashlib.sha256(key.encode()).hexdigest()
