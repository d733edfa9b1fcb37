"""Keys, certificates and credentials made on the fly, and nats-servers that ask for them."""

import base64
import hashlib
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nkeys  # pyright: ignore[reportMissingTypeStubs]  # untyped
import trustme

from athlete_ally.adapters.servers.nats_server import find_nats_server
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.supervisor import Command
from support.servers import Guard

_nkeys: Any = nkeys


@dataclass(frozen=True, slots=True)
class NKey:
    """A key pair of a user, an account or an operator."""

    seed: str
    public: str

    def sign(self, data: bytes) -> bytes:
        """Sign with the seed."""
        return _nkeys.from_seed(bytearray(self.seed.encode())).sign(data)

    def write(self, path: Path) -> Path:
        """Write the seed as a file, as `--nkey` wants it."""
        path.write_text(self.seed + "\n", encoding="utf-8")
        return path


def new_nkey(prefix: int = _nkeys.PREFIX_BYTE_USER) -> NKey:
    """Make a key pair, of a user unless told otherwise."""
    seed = _nkeys.encode_seed(os.urandom(32), prefix)
    return NKey(seed.decode(), _nkeys.from_seed(bytearray(seed)).public_key.decode())


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate authority and one certificate for server and client alike, as files."""

    ca: Path
    certificate: Path
    key: Path


def new_certificates(folder: Path) -> Certificates:
    """Make them for 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    found = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(found.ca)
    issued.cert_chain_pems[0].write_to_path(found.certificate)
    issued.private_key_pem.write_to_path(found.key)
    return found


@dataclass(frozen=True, slots=True)
class ConfiguredNats:
    """A nats-server with a configuration of the test's."""

    port: int
    pid: int
    file: Path

    def reload(self, old: str, new: str) -> None:
        """Change a text of its configuration, and have the server read it again."""
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), encoding="utf-8")
        os.kill(self.pid, signal.SIGHUP)


def start_server(guard: Guard, name: str, configuration: str, environment: dict[str, str] | None = None) -> int:
    """Start a nats-server with this configuration and return its port; see `start_configured`."""
    return start_configured(guard, name, configuration, environment).port


def start_configured(
    guard: Guard, name: str, configuration: str, environment: dict[str, str] | None = None
) -> ConfiguredNats:
    """Start a nats-server with this configuration; the caller waits until it answers.

    `@PORT@` and `@STORE@` in the text are replaced.
    """
    port = free_port()
    folder = guard.folder / f"{name}-{port}"
    folder.mkdir(parents=True)
    text = configuration.replace("@PORT@", str(port)).replace("@STORE@", (folder / "jetstream").as_posix())
    file = folder / "nats.conf"
    file.write_text(text, encoding="utf-8")
    pid = guard.start(
        Command(
            do="start",
            name=name,
            argv=(find_nats_server(), "-c", str(file)),
            environment=environment or {},
            log=str(folder / "nats-server.log"),
        )
    )
    return ConfiguredNats(port, pid, file)


@dataclass(frozen=True, slots=True)
class JwtSite:
    """An operator, an account with JetStream and a user, as a server's configuration and a `.creds` text."""

    configuration: str
    credentials: str


def new_jwt_site(*, expires_at: int | None = None) -> JwtSite:
    """Make them, as `nsc` would; the user's ends at this time, in seconds since 1970."""
    operator = new_nkey(_nkeys.PREFIX_BYTE_OPERATOR)
    system, account, user = new_nkey(_nkeys.PREFIX_BYTE_ACCOUNT), new_nkey(_nkeys.PREFIX_BYTE_ACCOUNT), new_nkey()
    no_limit = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    store = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1, "wildcards": True}
    operator_jwt = _jwt(operator, operator.public, "O", {"type": "operator", "version": 2})
    limits = {"type": "account", "version": 2, "limits": no_limit | store}
    account_jwt = _jwt(operator, account.public, "A", limits)
    system_jwt = _jwt(operator, system.public, "SYS", {"type": "account", "version": 2, "limits": no_limit})
    nats_claims = {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}
    user_jwt = _jwt(account, user.public, "U", nats_claims, {"exp": expires_at} if expires_at else {})
    configuration = (
        f"operator: {operator_jwt}\nsystem_account: {system.public}\nresolver: MEMORY\n"
        f"resolver_preload: {{ {system.public}: {system_jwt}, {account.public}: {account_jwt} }}\n"
        'listen: "127.0.0.1:@PORT@"\njetstream: { store_dir: "@STORE@" }\n'
    )
    credentials = (
        f"-----BEGIN NATS USER JWT-----\n{user_jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    return JwtSite(configuration, credentials)


def _jwt(issuer: NKey, subject: str, name: str, claims: dict[str, Any], more: dict[str, Any] | None = None) -> str:
    body = {"iat": 1, "iss": issuer.public, "sub": subject, "name": name, "nats": claims, **(more or {})}
    digest = hashlib.sha256(json.dumps(body).encode()).digest()
    body["jti"] = base64.b32encode(digest).decode().rstrip("=")
    text = f"{_encode({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_encode(body)}"
    return f"{text}.{_base64(issuer.sign(text.encode()))}"


def _encode(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
