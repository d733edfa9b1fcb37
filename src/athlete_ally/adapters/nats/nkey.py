"""Keys of NATS users: the seed is the secret, the server knows the public key only."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nkeys  # pyright: ignore[reportMissingTypeStubs]  # untyped

from athlete_ally.core.errors import Misconfigured

_untyped: Any = nkeys


@dataclass(frozen=True, slots=True)
class NKey:
    """A pair of keys."""

    seed: str = field(repr=False)
    public: str


def new_nkey() -> NKey:
    """Make a user's pair of keys."""
    seed = _untyped.encode_seed(os.urandom(32), _untyped.PREFIX_BYTE_USER)
    return NKey(seed.decode(), _untyped.from_seed(bytearray(seed)).public_key.decode())


def check_seed(path: Path, content: bytes) -> None:
    """Return when the content of a file is a seed.

    Raises:
        Misconfigured: it is none; the text names the file, and nothing of what is in it.
    """
    try:
        _untyped.from_seed(bytearray(content.strip())).wipe()
    except (nkeys.NkeysError, ValueError) as error:
        raise Misconfigured(f"{path} holds no nkey seed of a user: a line that starts with SU") from error


def write_new_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read.

    Raises:
        Misconfigured: it is there already, or can't be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Misconfigured(f"{path} is there already: choose another name, or move it away") from error
    except OSError as error:
        raise Misconfigured(f"{path} can't be written: {error.strerror}") from error
