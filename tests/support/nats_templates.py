"""Real servers with the configurations of `deploy/nats`, and programs that connect as their users."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from athlete_ally.adapters.files.key_file import KeyFile, write_key_file
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.credentials import Identity
from athlete_ally.adapters.nats.nkey import NKey, new_nkey, write_new_private
from athlete_ally.adapters.servers.nats_server import find_nats_server
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.supervisor import Command
from athlete_ally.core.broker.environment import Environment
from athlete_ally.core.client_key import ClientKey, digest
from athlete_ally.core.ports import Log
from support import processes
from support.commands import Outcome
from support.nats_users import Certificates, new_certificates
from support.servers import Guard

ROOT = Path(__file__).parents[2]
CLIENT_KEY = "aak_a-key-for-tests"
_SERVERS = {"dev": 1, "staging": 1, "production": 3}


@dataclass(frozen=True, slots=True)
class NatsSite:
    """The servers of one environment, with a key for each user."""

    environment: Environment
    folder: Path
    urls: tuple[str, ...]
    monitor_url: str
    users: Mapping[str, NKey]
    certificates: Certificates | None
    pids: list[int] = field(default_factory=list[int])

    def settings(self, user: str) -> dict[str, str]:
        """Return the settings of a program that connects as this user."""
        settings = {
            "AA_ENVIRONMENT": self.environment,
            "AA_ENVIRONMENT_FILE": str(ROOT / "deploy" / "environments" / f"{self.environment}.toml"),
            "AA_NATS_MONITOR_URL": self.monitor_url,
            "AA_NATS_NKEY": str(self.folder / f"{user}.nk"),
            "AA_NATS_INBOX_PREFIX": f"_INBOX_{user}",
            "NATS_URL": ",".join(self.urls),
            "AA_STREAMS_JOURNAL": str(self.folder / "journal.jsonl"),
        }
        if user == "ingest":
            settings["AA_INGEST_KEYS_FILE"] = str(self.folder / "clients.json")
        if self.certificates is not None:
            settings |= {
                "AA_NATS_CA": str(self.certificates.ca),
                "AA_NATS_CERTIFICATE": str(self.certificates.certificate),
                "AA_NATS_KEY": str(self.certificates.key),
            }
        return settings

    def identity(self, user: str) -> Identity:
        """Return as whom this user connects."""
        pem, nkey = self.certificates, self.folder / f"{user}.nk"
        if pem is None:
            return Identity(nkey=nkey)
        return Identity(nkey=nkey, ca=pem.ca, certificate=pem.certificate, key=pem.key)

    def connection(self, user: str, log: Log) -> Connection:
        """Return a connection of this user, not yet open."""
        urls, identity = ",".join(self.urls), self.identity(user)
        return Connection(urls, name=user, log=log, identity=identity, inbox_prefix=f"_INBOX_{user}")

    def run(self, user: str, *arguments: str, **environment: str) -> Outcome:
        """Run a command as this user, to its end."""
        done = processes.run(["-m", "athlete_ally", *arguments], {**self.settings(user), **environment})
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def template(environment: Environment) -> str:
    """Return the text of a configuration."""
    return (ROOT / "deploy" / "nats" / f"{environment}.conf").read_text(encoding="utf-8")


def start_site(guard: Guard, environment: Environment) -> NatsSite:
    """Start the servers of an environment; the caller waits until they answer."""
    count = _SERVERS[environment]
    ports = [(free_port(), free_port(), free_port()) for _ in range(count)]
    folder = guard.folder / f"nats-{environment}-{ports[0][0]}"
    folder.mkdir()
    users = {name.lower(): new_nkey() for name in re.findall(r"\$NKEY_(\w+)", template(environment))}
    for name, key in users.items():
        write_new_private(folder / f"{name}.nk", key.seed)
    client = ClientKey(name="test", sha256=digest(CLIENT_KEY), created="2026-01-01")
    write_key_file(folder / "clients.json", KeyFile(keys=(client,)))
    certificates = None if environment == "dev" else new_certificates(folder)
    scheme = "tls" if certificates else "nats"
    urls = tuple(f"{scheme}://127.0.0.1:{port}" for port, _, _ in ports)
    monitor_url = ",".join(f"http://127.0.0.1:{monitor}" for _, monitor, _ in ports)
    site = NatsSite(environment, folder, urls, monitor_url, users, certificates)
    routes = {f"NATS_ROUTE_{n}": f"nats://127.0.0.1:{cluster}" for n, (_, _, cluster) in enumerate(ports, 1)}
    for number, (port, monitor, cluster) in enumerate(ports, 1):
        own = {
            "NATS_SERVER_NAME": f"n{number}",
            "NATS_LISTEN": f"127.0.0.1:{port}",
            "NATS_MONITOR_LISTEN": f"127.0.0.1:{monitor}",
            "NATS_CLUSTER_LISTEN": f"127.0.0.1:{cluster}",
            "NATS_STORE_DIR": (folder / f"n{number}").as_posix(),
        }
        site.pids.append(_start(guard, site, f"n{number}", own | routes))
    return site


def _start(guard: Guard, site: NatsSite, name: str, environment: dict[str, str]) -> int:
    keys = {f"NKEY_{user.upper()}": key.public for user, key in site.users.items()}
    pem = site.certificates
    tls: dict[str, str] = {}
    if pem is not None:
        tls = {"NATS_TLS_CERT": str(pem.certificate), "NATS_TLS_KEY": str(pem.key), "NATS_TLS_CA": str(pem.ca)}
    configuration = ROOT / "deploy" / "nats" / f"{site.environment}.conf"
    return guard.start(
        Command(
            do="start",
            name=f"nats-{site.environment}-{name}",
            argv=(find_nats_server(), "-c", str(configuration)),
            environment=environment | keys | tls,
            log=str(site.folder / f"{name}.log"),
        )
    )
