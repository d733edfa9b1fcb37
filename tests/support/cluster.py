"""A cluster of real nats-servers without users, any of which may be killed and started again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from athlete_ally.adapters.servers.nats_server import find_nats_server
from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.supervisor import Command
from support.servers import Guard

_CONFIGURATION = """
server_name: {name}
server_tags: [{tags}]
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor_port}"
jetstream {{ store_dir: "{store_dir}", sync_interval: always, max_file_store: 8GB }}
cluster {{ name: test, listen: "127.0.0.1:{cluster_port}", routes: [{routes}] }}
"""


@dataclass(slots=True)
class Member:
    """One server; `start` after a kill finds its data again."""

    guard: Guard
    command: Command
    url: str
    monitor_url: str
    configuration: Path
    store: Path
    pid: int = 0

    def start(self) -> None:
        """Start the process; it may not have joined yet."""
        self.pid = self.guard.start(self.command)


def start_cluster(guard: Guard, *tags: Sequence[str], stores: Mapping[str, Path] | None = None) -> dict[str, Member]:
    """Return members with these tags by their names, started; the caller waits until they have elected a leader.

    `stores` says where some of them store, instead of a folder of the cluster's.
    """
    ports = [(free_port(), free_port(), free_port()) for _ in tags]
    folder = guard.folder / f"cluster-{ports[0][0]}"
    folder.mkdir()
    routes = ", ".join(f'"nats://127.0.0.1:{cluster_port}"' for _, cluster_port, _ in ports)
    members: dict[str, Member] = {}
    for number, ((port, cluster_port, monitor_port), own) in enumerate(zip(ports, tags, strict=True), 1):
        name = f"n{number}"
        store = (stores or {}).get(name, folder / name)
        configuration = folder / f"{name}.conf"
        text = _CONFIGURATION.format(
            name=name,
            tags=", ".join(own),
            port=port,
            cluster_port=cluster_port,
            monitor_port=monitor_port,
            store_dir=store.as_posix(),
            routes=routes,
        )
        configuration.write_text(text, encoding="utf-8")
        command = Command(
            do="start",
            name=name,
            argv=(find_nats_server(), "-c", str(configuration)),
            environment={},
            log=str(folder / f"{name}.log"),
        )
        urls = f"nats://127.0.0.1:{port}", f"http://127.0.0.1:{monitor_port}"
        members[name] = Member(guard, command, *urls, configuration, store)
        members[name].start()
    return members
