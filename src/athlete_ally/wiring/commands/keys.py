"""Making and revoking keys: those of clients, of users of the NATS server, and of vendors' tokens."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from athlete_ally.adapters.encryption.tokens import new_token_key
from athlete_ally.adapters.files.key_file import KeyFile, read_key_file, write_key_file
from athlete_ally.adapters.nats.nkey import new_nkey, write_new_private
from athlete_ally.core.client_key import PREFIX, ClientKey, digest
from athlete_ally.core.errors import Misconfigured
from athlete_ally.wiring.builders import now


def client_keys(path: Path) -> Sequence[ClientKey]:
    """Return the keys of a file, which knows their digests only; a file that is not there has none.

    Raises:
        Misconfigured: the file can't be read or understood.
    """
    return read_key_file(path).keys


def create_client_key(path: Path, name: str, **rights: Any) -> str:
    """Add a key to the file, and return it: the only time that it is known. `rights` are fields of `ClientKey`.

    Raises:
        Misconfigured: there is a key of this name, or the file can't be read.
    """
    known = client_keys(path)
    if any(key.name == name for key in known):
        raise Misconfigured(f"a key called {name!r} exists: choose another name, or revoke that one first")
    key = PREFIX + secrets.token_urlsafe(32)
    entry = ClientKey(name=name, sha256=digest(key), created=now().date().isoformat(), **rights)
    write_key_file(path, KeyFile(keys=(*known, entry)))
    return key


def revoke_client_key(path: Path, name: str) -> bool:
    """Take a key out of the file; tell whether it was there.

    Raises:
        Misconfigured: the file can't be read.
    """
    known = client_keys(path)
    kept = tuple(key for key in known if key.name != name)
    if len(kept) == len(known):
        return False
    write_key_file(path, KeyFile(keys=kept))
    return True


def write_nkey(out: Path) -> str:
    """Write the seed of a new nkey into a file of its owner's, and return the public key.

    Raises:
        Misconfigured: the file is there already, or can't be written.
    """
    made = new_nkey()
    write_new_private(out, made.seed + "\n")
    return made.public


def write_token_key(out: Path) -> None:
    """Write a new key of tokens into a file of its owner's.

    Raises:
        Misconfigured: the file is there already, or can't be written.
    """
    write_new_private(out, new_token_key() + "\n")
