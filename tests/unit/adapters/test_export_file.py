"""A person's file: zip or XML, whole, damaged, or built to do harm."""

import zipfile
from pathlib import Path

import pytest
from support.exports import export_xml, export_zip, record

from athlete_ally.adapters.files import export_file
from athlete_ally.adapters.files.export_file import ExportFile, digest_of, read_whole
from athlete_ally.core.errors import UnreadableFile

XML = export_xml(*(record("A", str(number), "07:00:00") for number in range(2000)))


def test_the_export_is_found_in_the_zip(tmp_path: Path) -> None:
    """
    Whatever the language of its name, the export is read, and not the document beside it; size and position are known.
    """
    file = ExportFile(export_zip(tmp_path / "export.zip", XML))

    assert (XML, len(XML), len(XML)) == (b"".join(file.chunks()), file.size, file.position)


def test_bare_xml_is_fine(tmp_path: Path) -> None:
    """
    The XML is accepted as well as the zip.
    """
    (tmp_path / "export.xml").write_bytes(XML)

    assert b"".join(ExportFile(tmp_path / "export.xml").chunks()) == XML


def cut(path: Path) -> None:
    """Leave out the end, where a zip has its directory."""
    path.write_bytes(path.read_bytes()[:-100])


def scratch(path: Path) -> None:
    """Change bytes in the middle."""
    content = bytearray(path.read_bytes())
    middle = content.index(b"PK\x03\x04", 10) + 200
    content[middle : middle + 50] = b"\xff" * 50
    path.write_bytes(content)


def empty(path: Path) -> None:
    """Leave a zip with nothing of use in it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", b"hello")


def other(path: Path) -> None:
    """Leave something else."""
    path.write_bytes(b"%PDF-1.7")


@pytest.mark.parametrize(
    ("harm", "says"),
    [(cut, "neither a whole zip"), (scratch, "damaged"), (empty, "holds no XML"), (other, "neither a whole zip")],
)
def test_a_damaged_or_wrong_file_is_named(tmp_path: Path, harm: object, says: str) -> None:
    """
    Cut off, scratched, without an export, or another sort of file: one error that says which, and what to do.
    """
    path = export_zip(tmp_path / "export.zip", XML)
    assert callable(harm)
    harm(path)

    with pytest.raises(UnreadableFile, match=says):
        b"".join(ExportFile(path).chunks())


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What unpacks to hundreds of times its size is no export; reading stops there, with one chunk in memory.
    """
    monkeypatch.setattr(export_file, "_FREE_BYTES", 1024 * 1024)
    path = export_zip(tmp_path / "export.zip", b" " * 50_000_000)
    file = ExportFile(path)

    with pytest.raises(UnreadableFile, match="unpacks to over 200 times its size"):
        sum(len(chunk) for chunk in file.chunks())
    assert file.position < 15_000_000


def test_a_digest_is_that_of_the_content(tmp_path: Path) -> None:
    """
    Equal content has an equal digest under any name.
    """
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(XML)

    assert digest_of(tmp_path / "a") == digest_of(tmp_path / "b")


def test_what_is_read_at_once_has_a_limit(tmp_path: Path) -> None:
    """
    A file of the limit is read, one byte more is not, and a missing file is named.
    """
    (tmp_path / "a.json").write_bytes(b"1234")

    assert read_whole(tmp_path / "a.json", 4) == b"1234"
    with pytest.raises(UnreadableFile, match="larger"):
        read_whole(tmp_path / "a.json", 3)
    with pytest.raises(UnreadableFile, match="can't be read"):
        read_whole(tmp_path / "b.json", 3)
