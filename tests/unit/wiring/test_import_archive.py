"""A folder or an archive as a whole: what is inside is found, and one summary says what came of it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support import foreign_files as ff
from support.exports import ENUM, UINT8, UINT16, UINT32, export_xml, export_zip, fit_file, record

from athlete_ally.cli.import_ import import_group
from athlete_ally.formats.import_summary import Tally
from athlete_ally.wiring.commands.import_ import look_through
from athlete_ally.wiring.commands.import_archive import open_archive

START = 1_163_952_000
FIT = fit_file(
    [
        (0, [(0, ENUM, 4), (1, UINT16, 1), (4, UINT32, START)]),
        (20, [(253, UINT32, START), (3, UINT8, 120)]),
        (18, [(253, UINT32, START + 3600), (2, UINT32, START), (7, UINT32, 3_600_000), (5, ENUM, 1)]),
    ]
)
WEIGHT = record("HKQuantityTypeIdentifierBodyMass", "70", "07:00:00", unit="kg")


def files(folder: Path) -> dict[str, dict[str, int]]:
    """Write one of each file into a folder, and return how many readings of each kind there are in it."""
    export_zip(folder / "export.zip", export_xml(WEIGHT))
    (folder / "strava.zip").write_bytes(ff.strava_zip(FIT))
    (folder / "garmin.zip").write_bytes(ff.garmin_zip(FIT))
    (folder / "polar.zip").write_bytes(ff.polar_zip())
    (folder / "ride.fit.gz").write_bytes(gzip.compress(FIT))
    (folder / "2026-11-20 07-05-12.txt").write_bytes(b"812\n799\n804\n")
    (folder / "auto.json").write_bytes(
        b'{"data": {"metrics": [{"name": "height", "units": "cm", "data": '
        b'[{"date": "2026-11-20 07:00:00 +0100", "qty": 180}]}]}}'
    )
    return {
        "export.zip": {"body": 1},
        "strava.zip": {"workout": 3, "samples": 9},
        "garmin.zip": {"workout": 1, "samples": 1, "sleep": 1, "activity": 1, "resting_heart_rate": 1},
        "polar.zip": {"workout": 1, "samples": 1},
        "ride.fit.gz": {"workout": 1, "samples": 1},
        "2026-11-20 07-05-12.txt": {"hrv": 1},
        "auto.json": {"body": 1},
    }


def tally_of(path: Path) -> Tally:
    """Return what is counted in a path."""
    return look_through(open_archive(path, "me"), _unseen).tally


def _unseen(position: int, size: int) -> None:
    assert 0 <= position <= size


def kinds_of(tally: Tally) -> dict[str, int]:
    """Return how many readings of each kind there are."""
    return {kind: each.readings for kind, each in tally.kinds.items()}


def test_every_export_is_read_by_itself_and_in_a_folder(tmp_path: Path) -> None:
    """
    Each file gives what it holds, and the folder of all gives the sum, with nothing damaged.
    """
    expected = files(tmp_path)
    total: dict[str, int] = {}
    for name, kinds in expected.items():
        assert (name, kinds) == (name, kinds_of(tally_of(tmp_path / name)))
        total = {kind: total.get(kind, 0) + kinds.get(kind, 0) for kind in total | kinds}
    whole = tally_of(tmp_path)

    assert (total, []) == (kinds_of(whole), whole.damaged)
    assert {"a file .csv", "a file .json", "a file .xml", "samples: speed"} == {
        what for what, _ in whole.most_left_out()
    }


def test_what_is_left_out_is_named_with_file_and_place(tmp_path: Path) -> None:
    """
    The place is that in the file, with the file and the archives around it in front.
    """
    (tmp_path / "a.zip").write_bytes(ff.polar_zip())
    places = {what: each.first for what, each in tally_of(tmp_path).most_left_out()}

    assert places == {
        "samples: speed": f"{tmp_path.name}/a.zip/training-session-2026-11-18-1-2.json, item 1",
        "a file .json": f"{tmp_path.name}/a.zip/account-data-1.json",
    }


def test_a_damaged_file_costs_itself(tmp_path: Path) -> None:
    """
    All others are as without it, and it is named with its reason.
    """
    files(tmp_path)
    before = kinds_of(tally_of(tmp_path))
    (tmp_path / "a.fit").write_bytes(FIT[:-1] + bytes([FIT[-1] ^ 1]))
    (tmp_path / "b.zip").write_bytes(ff.garmin_zip(FIT)[:-30])
    (tmp_path / "c.tcx").write_bytes(ff.tcx(ff.tcx_lap())[:-200])
    after = tally_of(tmp_path)

    assert before == kinds_of(after)
    assert [f"{tmp_path.name}/{name}" for name in ("a.fit", "b.zip", "c.tcx")] == [each.name for each in after.damaged]


def run(*arguments: str) -> tuple[int, Any]:
    """Return code and document of an import that sends nothing."""
    outcome = CliRunner().invoke(import_group, [*arguments, "--user", "me", "--dry-run", "--json"])
    return outcome.exit_code, json.loads(outcome.stdout) if outcome.stdout.startswith("{") else outcome.output


@pytest.mark.parametrize("words", [(), ("any",)], ids=["import PATH", "import any PATH"])
def test_the_exit_code_says_whether_anything_was_understood(tmp_path: Path, words: tuple[str, ...]) -> None:
    """
    0 for a whole folder, 2 where nothing is understood, 1 where a file is damaged; one summary for each path.
    """
    whole, nothing, damaged = (tmp_path / name for name in ("whole", "nothing", "damaged"))
    for each in (whole, nothing, damaged):
        each.mkdir()
    files(whole)
    (nothing / "readme.pdf").write_bytes(b"%PDF")
    (damaged / "a.fit").write_bytes(b"junk")

    assert [
        (code, len(document["files"]))
        for code, document in (run(*words, str(path)) for path in (whole, nothing, damaged))
    ] == [(0, 1), (2, 1), (1, 1)]


@pytest.mark.parametrize("name", ["ride.fit.gz", "export.zip"])
def test_fit_files_are_imported_as_they_are_packed(tmp_path: Path, name: str) -> None:
    """
    Garmin's Export Original is a zip, Strava's file is packed with gzip: `import fit` takes both.
    """
    content = gzip.compress(FIT) if name.endswith(".gz") else ff.garmin_zip(FIT)
    (tmp_path / name).write_bytes(content)
    code, document = run("fit", str(tmp_path / name))

    assert (code, document["files"][0]["kinds"]["workout"]["readings"]) == (0, 1)


def test_the_zone_places_times_without_offset(tmp_path: Path) -> None:
    """
    A run of 16:00 UTC is on the next day in Auckland; a zone that is none is refused with a way out.
    """
    (tmp_path / "a.tcx").write_bytes(ff.tcx(ff.tcx_lap(ff.tcx_point())))
    code, document = run(str(tmp_path), "--zone", "Pacific/Auckland")

    assert (code, document["files"][0]["kinds"]["workout"]["from"]) == (0, "2026-11-19")
    assert "Europe/Berlin" in run(str(tmp_path), "--zone", "Mars")[1]
