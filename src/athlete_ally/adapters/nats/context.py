"""Contexts of natscli: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-21.md"""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from athlete_ally.adapters.nats.credentials import Identity
from athlete_ally.core.errors import Misconfigured


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """The fields of a context; natscli writes all of them, empty where there is nothing to say."""

    url: str = ""
    token: str = ""
    user: str = ""
    password: str = ""
    creds: str = ""
    nkey: str = ""
    cert: str = ""
    key: str = ""
    ca: str = ""
    inbox_prefix: str = ""
    tls_first: bool = False
    # What we can't do. To leave one out silently could mean another server or another account.
    socks_proxy: str = ""
    nsc: str = ""
    user_jwt: str = ""
    user_seed: str = ""
    jetstream_domain: str = ""
    jetstream_api_prefix: str = ""
    windows_cert_store: str = ""


_UNSUPPORTED = (
    *("socks_proxy", "nsc", "user_jwt", "user_seed"),
    *("jetstream_domain", "jetstream_api_prefix", "windows_cert_store"),
)


@dataclass(frozen=True, slots=True)
class NatsContext:
    """Where to connect and as whom; `inbox_prefix` is empty where the context has none."""

    url: str
    identity: Identity
    inbox_prefix: str


def read_context(name: str) -> NatsContext:
    """Return the context of this name, or in the file of this path (it ends in `.json`).

    Raises:
        Misconfigured: there is none, it can't be understood, or it asks for something that we can't do.
    """
    path = Path(name).expanduser() if name.endswith(".json") else _folder() / f"{name}.json"
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise Misconfigured(f"context {name}: {path} can't be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise Misconfigured(f"context {name}: {path}: {error}") from error
    if asked := [field for field in _UNSUPPORTED if getattr(document, field)]:
        raise Misconfigured(f"context {name}: {', '.join(asked)} can't be honoured; use a context without it")
    identity = Identity(
        credentials=_path(document.creds),
        nkey=_path(document.nkey),
        user=document.user or None,
        password=document.password or None,
        token=document.token or None,
        ca=_path(document.ca),
        certificate=_path(document.cert),
        key=_path(document.key),
        tls_first=document.tls_first,
    )
    return NatsContext(document.url or "nats://127.0.0.1:4222", identity, document.inbox_prefix)


def _folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "nats" / "context"


def _path(text: str) -> Path | None:
    return Path(os.path.expandvars(text)).expanduser() if text else None
