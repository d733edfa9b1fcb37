"""What is inside of folders and archives, whole, damaged, or built to do harm."""

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athlete_ally.adapters.files import archive
from athlete_ally.adapters.files.archive import Archive, Piece, Unopened
from athlete_ally.core.errors import UnreadableFile

MOST = 1024 * 1024


def zipped(**members: bytes) -> bytes:
    """Return a zip with these members; two underscores in a name are a folder."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, member in members.items():
            packed.writestr(name.replace("__", "/"), member)
    return content.getvalue()


def contents(path: Path) -> dict[str, bytes | None]:
    """Return the content of each file inside, None for what can't be opened."""
    found: dict[str, bytes | None] = {}
    for each in Archive(path).pieces():
        found[each.name] = each.read(MOST) if isinstance(each, Piece) else None
    return found


def test_archives_inside_of_archives_are_opened(tmp_path: Path) -> None:
    """
    A zip in a zip in a folder, gzip inside, and plain files: all contents with all names around them.
    """
    folder = tmp_path / "export"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "plain").write_bytes(b"1")
    (folder / "a.zip").write_bytes(zipped(inner=zipped(x=gzip.compress(b"2"), dir__y=b"3")))

    assert list(contents(folder).items()) == [
        ("export/a.zip/inner/dir/y", b"3"),
        ("export/a.zip/inner/x", b"2"),
        ("export/b/plain", b"1"),
    ]


def test_a_name_that_leads_out_reaches_nothing(tmp_path: Path) -> None:
    """
    A member called like a file elsewhere is read from the archive, and nothing is written anywhere.
    """
    (tmp_path / "evil.zip").write_bytes(zipped(**{"../../secret": b"1", "/etc/passwd": b"2"}))
    before = sorted(tmp_path.rglob("*"))

    assert sorted(contents(tmp_path / "evil.zip").values(), key=str) == [b"1", b"2"]
    assert before == sorted(tmp_path.rglob("*"))


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    """
    A link could lead anywhere, and reading from a pipe would never end.
    """
    folder = tmp_path / "export"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"1")
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    (folder / "file").write_bytes(b"2")

    assert contents(folder) == {"export/file": b"2"}


def bomb() -> bytes:
    """Return a zip of one level."""
    return zipped(a=b"\x00" * 4 * MOST)


def bomb_of_many() -> bytes:
    """Return a zip whose members are each within the limit, and together beyond it."""
    return zipped(**{f"a{number}": b"\x00" * MOST for number in range(6)})


def bomb_of_levels() -> bytes:
    """Return a zip of zips of zips of zips of zips."""
    content = b"\x00" * 1000
    for _ in range(6):
        content = zipped(a=content, b=content)
    return content


def bomb_of_gzip() -> bytes:
    """Return what gzip has packed."""
    return gzip.compress(b"\x00" * 4 * MOST)


@pytest.mark.parametrize("harm", [bomb, bomb_of_many, bomb_of_levels, bomb_of_gzip])
def test_what_unpacks_to_far_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[], bytes]
) -> None:
    """
    Over all files of an archive no more is unpacked than the limit, and the reason is said.
    """
    monkeypatch.setattr(archive, "_FREE_BYTES", 3 * MOST)
    monkeypatch.setattr(archive, "_MOST_RATIO", 2)
    (tmp_path / "bomb").write_bytes(harm())
    read, reasons = 0, list[str]()
    try:
        for each in Archive(tmp_path / "bomb").pieces():
            if isinstance(each, Unopened):
                reasons.append(each.reason)
            else:
                read += sum(len(chunk) for chunk in each.chunks())
    except UnreadableFile as error:
        reasons.append(str(error))

    assert read <= 3 * MOST
    assert reasons
    assert all("refused" in each for each in reasons)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Neither the files of an import nor the directory of a zip are without end.
    """
    (tmp_path / "many.zip").write_bytes(zipped(**{f"a{number}": b"" for number in range(9)}))
    with monkeypatch.context() as patch:
        patch.setattr(archive, "_MOST_FILES", 8)
        with pytest.raises(UnreadableFile, match="more than 8 files"):
            contents(tmp_path / "many.zip")
    monkeypatch.setattr(archive, "_MOST_DIRECTORY_BYTES", 100)

    assert contents(tmp_path / "many.zip") == {"many.zip": None}


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_damage_costs_the_damaged_file_only(tmp_path: Path, at: float) -> None:
    """
    A zip that was cut is named, and the file beside it is read.
    """
    whole = zipped(a=os.urandom(5000))
    (tmp_path / "a.zip").write_bytes(whole[: int(len(whole) * at)])
    (tmp_path / "b").write_bytes(b"1")

    assert list(contents(tmp_path).values()) == [None, b"1"]


@given(st.data())
def test_no_mutation_of_an_archive_crashes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """
    Bytes of a real shape replaced anywhere: files inside are read, or named with a reason.
    """
    content = bytearray(zipped(a=b"1" * 100, b=gzip.compress(b"2" * 100), c=zipped(d=b"3")))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("x") / "a.zip"
    path.write_bytes(content)
    try:
        for each in Archive(path).pieces():
            if isinstance(each, Piece):
                try:
                    each.read(MOST)
                except UnreadableFile as error:
                    assert str(error)
    except UnreadableFile as error:
        assert str(error)
