"""A real pgbouncer in front of a test's PostgreSQL."""

import getpass
from urllib.parse import urlsplit

from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.supervisor import Command
from support.servers import Guard

_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
auth_type = plain
auth_file = {users}
unix_socket_dir =
{lines}
"""


def start_pooler(guard: Guard, program: str, database_url: str, lines: str) -> str:
    """Start pgbouncer with these lines in its configuration, and return the address there; it may not listen yet."""
    address, own_port = urlsplit(database_url), free_port()
    folder = guard.folder / f"pgbouncer-{own_port}"
    folder.mkdir()
    users, configuration = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{address.username}" "{address.password}"\n', encoding="utf-8")
    text = _CONFIGURATION.format(port=address.port, own_port=own_port, users=users, lines=lines)
    configuration.write_text(text, encoding="utf-8")
    # It refuses to run as root.
    user = "nobody" if getpass.getuser() == "root" else None
    argv = (program, str(configuration))
    guard.start(Command(do="start", name="pgbouncer", argv=argv, log=str(folder / "pgbouncer.log"), user=user))
    return f"postgresql://{address.username}:{address.password}@127.0.0.1:{own_port}{address.path}"
