"""Where `up` keeps its data when it runs as root, whose home directory PostgreSQL's user may not enter."""

import os
import sys
from pathlib import Path

import pytest
from support.servers import Guard, Postgres

from athlete_ally.adapters.servers.ports import free_port
from athlete_ally.adapters.servers.postgres_server import PostgresServer
from athlete_ally.config.settings import load_settings
from athlete_ally.core.errors import Misconfigured

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no root, and there are no such modes")


@pytest.fixture
def home(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home directory that only its owner may enter, and a site directory that everybody may, both empty."""
    folder = guard.folder / f"home-{free_port()}"
    for name, mode in ((folder / "root", 0o700), (folder / "site", 0o755)):
        name.mkdir(parents=True)
        name.chmod(mode)
    folder.chmod(0o711)
    monkeypatch.setenv("HOME", str(folder / "root"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("AA_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_DATA_DIRS", str(folder / "site"))
    monkeypatch.chdir(folder / "root")
    return folder


@pytest.mark.parametrize(
    ("user", "mode", "expected"),
    [(0, 0o700, "site"), (0, 0o711, "root/.local/share"), (1000, 0o700, "root/.local/share")],
)
def test_the_default_can_be_reached_by_postgresql(
    home: Path, monkeypatch: pytest.MonkeyPatch, user: int, mode: int, expected: str
) -> None:
    """
    Root gets the site's directory, unless others may pass through the home directory; everybody else their own.
    """
    (home / "root").chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: user)

    assert home / expected / "athlete-ally" == load_settings().data_dir


def test_postgresql_runs_in_roots_default(home: Path, guard: Guard) -> None:
    """
    As root (in a container, on a cloud machine): in the default PostgreSQL starts, and answers; in the home directory
    it is refused with what to choose.
    """
    if os.geteuid():
        pytest.skip("needs root")
    with pytest.raises(Misconfigured, match="choose another --data-dir"):
        PostgresServer(home / "root" / "postgres", port=free_port(), password="of-a-test").prepare()  # noqa: S106  # a test's
    folder = load_settings().data_dir / "postgres"
    server = PostgresServer(folder, port=(port := free_port()), password="of-a-test")  # noqa: S106  # a test's
    for command in server.prepare():
        guard.run(command)
    postgres = Postgres(guard, server, f"postgresql://postgres:of-a-test@127.0.0.1:{port}/postgres")
    postgres.start()

    assert (folder / "data" / "PG_VERSION").is_file()
