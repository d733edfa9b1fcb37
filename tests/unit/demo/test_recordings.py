"""The bundled recordings are what their manifest says, and their owners are named."""

import hashlib
import json
from pathlib import Path

import athlete_ally.demo.recordings
from athlete_ally.demo.recordings import load

FOLDER = Path(athlete_ally.demo.recordings.__file__).parent


def test_every_file_is_loaded() -> None:
    """
    `load` returns one recording for each text file, in the manifest's order, with as many intervals as it says.
    """
    manifest = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
    assert [entry["file"] for entry in manifest] == [recording.file for recording in load()]
    assert {path.name for path in FOLDER.glob("*.txt")} == {recording.file for recording in load()}
    assert [entry["beats"] for entry in manifest] == [len(recording.intervals_ms) for recording in load()]


def test_files_are_unchanged() -> None:
    """
    Each file has the hash that the manifest gives, whatever line ends the checkout wrote.
    """
    for recording in load():
        text = (FOLDER / recording.file).read_text("ascii")
        assert recording.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_owners_are_named() -> None:
    """
    The attribution's table names each recording with its beats and licence, and the licence's text or address is there.
    """
    attribution = (FOLDER / "ATTRIBUTION.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.split("|")] for line in attribution.splitlines() if line.startswith("| `")]
    assert [(f"`{each.file}`", str(each.beats), each.licence) for each in load()] == [
        (file, beats, licence) for _, file, beats, _, licence, _ in rows
    ]
    for needed in ("opendatacommons.org/licenses/by/1.0", "## BSD 3-Clause License", "## MIT License"):
        assert needed in attribution


def test_enough_and_small() -> None:
    """
    There are at least 2,000 real beats, in less than 300 kB.
    """
    assert sum(recording.beats for recording in load()) >= 2000
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 300_000


def test_intervals_are_milliseconds() -> None:
    """
    The middle interval of each recording is that of a heart rate between 40 and 150 beats a minute.
    """
    for recording in load():
        assert 400 < sorted(recording.intervals_ms)[recording.beats // 2] < 1500
