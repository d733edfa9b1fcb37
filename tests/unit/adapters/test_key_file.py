"""The file of API keys: read again when it changes, and never for the worse."""

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.fakes import FakeLog

from athlete_ally.adapters.files import key_file
from athlete_ally.adapters.files.key_file import KeyFile, WatchedKeyFile, read_key_file, write_key_file
from athlete_ally.core.client_key import ClientKey
from athlete_ally.core.errors import Misconfigured

BROKEN = {
    "empty": b"",
    "cut": b'{"keys":[',
    "no object": b"[]",
    "a key without its digest": b'{"keys":[{"name":"a","created":"x"}]}',
    "not UTF-8": b'{"keys":[{"name":"\xff","sha256":"a","created":"b"}]}',
    "deep": b'{"other":' + b"[" * 100_000,
}
broken = pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the keys lie."""
    return tmp_path / "keys" / "keys.json"


@pytest.fixture(autouse=True)
def _look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the file at every call, instead of every second."""
    monkeypatch.setattr(key_file, "_LOOK_EVERY_S", 0.0)


def keys(*names: str) -> KeyFile:
    """Return the content of a file with keys of these names."""
    return KeyFile(keys=tuple(ClientKey(name=name, sha256="0" * 64, created="2026-11-20") for name in names))


def names_of(found: Sequence[ClientKey]) -> list[str]:
    """Return the names of keys."""
    return [key.name for key in found]


def write(path: Path, content: KeyFile | bytes, *, at_s: int) -> None:
    """Write the file with a date of its own, since two writes may fall into one tick of the clock."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write_key_file(path, content)
    os.utime(path, (at_s, at_s))


def test_what_is_written_is_read(path: Path) -> None:
    """
    The folder is made, the keys come back, no temporary file is left, and a file that is not there has no keys.
    """
    assert KeyFile() == read_key_file(path)
    write_key_file(path, keys("a", "b"))

    assert (keys("a", "b"), [path]) == (read_key_file(path), list(path.parent.iterdir()))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_only_its_owner_reads_it(path: Path) -> None:
    """
    Nobody else on the machine learns who may send, also when the file was open to all before.
    """
    write_key_file(path, keys("a"))
    path.chmod(0o644)
    write_key_file(path, keys("b"))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@broken
def test_a_broken_file_is_named(path: Path, content: bytes) -> None:
    """
    Whatever is wrong with it, the operator hears which file it is.
    """
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"keys\.json: the file of API keys can't be read"):
        read_key_file(path)


def test_a_start_without_the_file_is_refused(path: Path) -> None:
    """
    A service that is told to check keys does not start without them, and says how to make one.
    """
    with pytest.raises(Misconfigured, match="athlete-ally keys create"):
        WatchedKeyFile(path, names_of, FakeLog())


def test_a_revoked_key_is_gone_without_a_restart(path: Path) -> None:
    """
    The next look finds what was written meanwhile, builds it once, and says so once.
    """
    built: list[list[str]] = []

    def build(found: Sequence[ClientKey]) -> list[str]:
        built.append(names_of(found))
        return built[-1]

    log = FakeLog()
    write_key_file(path, keys("a", "b"))
    watched = WatchedKeyFile(path, build, log)
    before = watched()
    write(path, keys("a"), at_s=1_000_000_000)

    assert (before, watched(), watched()) == (["a", "b"], ["a"], ["a"])
    assert (len(built), len(log.named("keys-reloaded"))) == (2, 1)


@broken
def test_a_file_that_breaks_leaves_the_last_good_one(path: Path, content: bytes) -> None:
    """
    Clients that could send still can, the log says that something is wrong, and fixing the file helps.
    """
    log = FakeLog()
    write_key_file(path, keys("a"))
    watched = WatchedKeyFile(path, names_of, log)
    write(path, content, at_s=1_000_000_000)
    while_broken = watched()
    write(path, keys("b"), at_s=1_000_000_001)

    assert (while_broken, len(log.named("keys-unreadable")), watched()) == (["a"], 1, ["b"])


def test_a_file_that_is_gone_leaves_the_last_good_one(path: Path) -> None:
    """
    Between deleting and writing it again nobody is locked out.
    """
    log = FakeLog()
    write_key_file(path, keys("a"))
    watched = WatchedKeyFile(path, names_of, log)
    path.unlink()

    assert (watched(), log.named("keys-unreadable")[0].level) == (["a"], "error")


def test_the_file_is_not_looked_at_all_the_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Within the interval between two looks, a change goes unnoticed.
    """
    monkeypatch.setattr(key_file, "_LOOK_EVERY_S", 3600.0)
    write_key_file(path, keys("a"))
    watched = WatchedKeyFile(path, names_of, FakeLog())
    write(path, keys("b"), at_s=1_000_000_000)

    assert watched() == ["a"]
