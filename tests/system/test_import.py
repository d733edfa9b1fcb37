"""A person's own files, imported by the command into real servers."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.exports import export_xml, export_zip, fit_file, record
from support.foreign_files import garmin_zip
from support.samples import hrv_reading
from support.services import Service, Site
from support.wait import eventually

from athlete_ally.adapters.http.ingest_client import IngestClient, http_client
from athlete_ally.core.errors import Misconfigured

GENERATOR = Path(__file__).parents[2] / "benchmarks" / "apple_health_export.py"
Q = "HKQuantityTypeIdentifier"


def generated(path: Path, records: int) -> Path:
    """Return an export with about so many records."""
    subprocess.run([sys.executable, str(GENERATOR), str(path), "--records", str(records)], check=True)
    return path


async def imported(site: Site, ingest: Service, *arguments: str, sort: str = "apple-health") -> Any:
    """Run an import to its end and return its code and its document."""
    folder = str(Path(ingest.log_file).parent / "state")
    outcome = await site.run(
        "import", sort, *arguments, "--user", "me", "--url", ingest.url, "--state-dir", folder, "--json"
    )
    return outcome.code, json.loads(outcome.out)["files"]


async def counts(pool: Any) -> dict[str, int]:
    """Return how many rows there are of each kind."""
    tables = (
        "hrv",
        "sleep",
        "resting_heart_rate",
        "respiratory_rate",
        "spo2",
        "skin_temperature",
        "activity",
        "workout",
    )
    rows = {kind: await pool.fetchval(f"SELECT count(*) FROM {kind}_data") for kind in tables}  # noqa: S608  # ours
    return {**rows, "samples": await pool.fetchval("SELECT count(*) FROM samples_data")}


async def test_an_import_that_is_killed_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    """
    Kill -9 in the middle, then the same command: nothing is missing, nothing is there twice, and the ledger balances.
    """
    export = generated(tmp_path / "export.zip", 60_000)
    ingest = await site.service("ingest").start().ready()
    normalize = await site.service("normalize").start().ready()
    state = tmp_path / "state"
    command = [sys.executable, "-m", "athlete_ally", "import", "apple-health", str(export), "--user", "me"]
    command += ["--url", ingest.url, "--state-dir", str(state), "--json"]
    dying = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **site.run.environment}, stdout=subprocess.DEVNULL
    )

    async def some_is_acknowledged() -> bool:
        return bool([*state.glob("*.json")])

    await eventually(some_is_acknowledged, within_s=60)
    dying.kill()
    await dying.wait()
    (journal,) = state.glob("*.json")
    midway = json.loads(journal.read_bytes())
    code, (document,) = await imported(site, ingest, str(export))
    kinds = document["kinds"]
    readings = sum(kind["readings"] for kind in kinds.values())
    await site.balance(readings, normalize)
    expected = {name: kind["entries" if name == "samples" else "readings"] for name, kind in kinds.items()}

    assert (code, midway["is_complete"]) == (0, False)
    assert 0 < midway["acknowledged"] < json.loads(journal.read_bytes())["acknowledged"]
    assert readings == document["sent"]["accepted"] + document["sent"]["duplicate"]
    assert expected == await counts(site.pool)
    assert await site.letters() == []


async def test_a_second_import_sends_nothing_and_again_stores_nothing_twice(site: Site, tmp_path: Path) -> None:
    """
    Data that was imported before is recognised by its content; --again sends it, and the rows stay as they are.
    """
    export = generated(tmp_path / "export.zip", 3000)
    ingest = await site.service("ingest").start().ready()
    normalize = await site.service("normalize").start().ready()
    first = await imported(site, ingest, str(export))
    await eventually(site.is_settled)
    rows = await counts(site.pool)
    second = await imported(site, ingest, str(export))
    again = await imported(site, ingest, str(export), "--again")
    accepted = first[1][0]["sent"]["accepted"]
    await site.balance(accepted, normalize)

    assert (0, {}, accepted) == (second[0], second[1][0]["kinds"], second[1][0]["sent"]["accepted"])
    assert (0, 0, accepted) == (again[0], again[1][0]["sent"]["accepted"], again[1][0]["sent"]["duplicate"])
    assert rows == await counts(site.pool)


async def test_an_ingest_that_is_busy_or_away_is_waited_for(site: Site, tmp_path: Path) -> None:
    """
    Started before ingest is there, and served by one that takes a single request at a time: everything arrives.
    """
    export = generated(tmp_path / "export.zip", 3000)
    ingest = site.service("ingest", AA_INGEST_MAX_IN_FLIGHT="1")
    normalize = await site.service("normalize").start().ready()
    importing = asyncio.create_task(imported(site, ingest, str(export)))

    async def is_about_to_send() -> bool:
        return (tmp_path / "state").exists()

    await eventually(is_about_to_send, within_s=60)
    ingest.start()
    code, (document,) = await importing

    assert code == 0
    await site.balance(document["sent"]["accepted"], normalize)


async def test_an_ingest_that_stays_away_ends_the_import_with_a_remedy(site: Site, tmp_path: Path) -> None:
    """
    When nobody answers for as long as was asked, the command ends with 1 and says how to go on.
    """
    export = export_zip(
        tmp_path / "export.zip", export_xml(record(f"{Q}HeartRate", "61", "07:00:00", unit="count/min"))
    )
    code, (document,) = await imported(site, site.service("ingest"), str(export), "--patience", "0")

    assert (code, "took nothing for 0 s (ConnectError): see that it runs" in document["error"]) == (1, True)


async def test_what_is_impossible_is_left_out_and_told(site: Site, tmp_path: Path) -> None:
    """
    A reading that no table takes is no dead letter; the others arrive, and the command ends with 2, field and reason.
    """
    entries = [
        record(f"{Q}HeartRateVariabilitySDNN", value, f"07:0{minute}:00", unit="ms")
        for minute, value in enumerate(["45.3", "0", "47.1", "900"])
    ]
    export = export_zip(tmp_path / "export.zip", export_xml(*entries))
    ingest = await site.service("ingest").start().ready()
    code, (document,) = await imported(site, ingest, str(export))

    assert (code, document["sent"]["accepted"], document["sent"]["refused"]) == (2, 2, 0)
    assert document["impossible"] == [
        {"kind": "hrv", "field": "sdnn", "message": "Expected `float` > 0.0", "readings": 1},
        {"kind": "hrv", "field": "sdnn", "message": "not in (0, 500] ms", "readings": 1},
    ]


async def test_what_ingest_refuses_takes_nothing_else_with_it(site: Site) -> None:
    """
    An ingest of another version may refuse what we would not: the client leaves that out, and sends the others.
    """
    ingest = await site.service("ingest").start().ready()
    readings = [json.dumps(hrv_reading(f"person-{number}", number % 4 and 42)).encode() for number in range(300)]
    async with http_client(ingest.url, None) as http:
        sent = await IngestClient(http, patience_s=10, jitter=lambda: 0.0).send("hrv", readings)
        with pytest.raises(Misconfigured, match="ingest answers 404 to dreams: there is no kind 'dreams'"):
            await IngestClient(http, patience_s=10, jitter=lambda: 0.0).send("dreams", readings)

    assert (sent.accepted, len(sent.refused), {each.field for each in sent.refused}) == (225, 75, {"rmssd"})


async def test_a_damaged_export_ends_with_words_and_what_came_before_stays(site: Site, tmp_path: Path) -> None:
    """
    The file ends in the middle: exit code 1 and the reason; nothing is called complete.
    """
    xml = export_xml(*(record(f"{Q}RestingHeartRate", "52", "07:00:00", unit="count/min") for _ in range(3000)))
    # In the last record but two.
    export = export_zip(tmp_path / "export.zip", xml[: -3 * len(record(f"{Q}RestingHeartRate", "52", "07:00:00"))])
    ingest = await site.service("ingest").start().ready()
    code, (document,) = await imported(site, ingest, str(export))
    journals = [json.loads(each.read_bytes()) for each in (tmp_path / "state").glob("*.json")]

    assert (code, "the export ends in the middle" in document["error"]) == (1, True)
    assert [(each["acknowledged"], each["accepted"], each["is_complete"]) for each in journals] == [(2, 2997, False)]


async def test_a_fit_file_and_a_json_file_arrive_too(site: Site, tmp_path: Path) -> None:
    """
    The other two commands bring what their files hold; a damaged file among them is named.
    """
    start = 1_163_952_000
    ride = [
        (0, [(0, ("B", 0), 4)]),
        *((20, [(253, ("I", 0x86), start + second), (3, ("B", 2), 120)]) for second in range(5)),
    ]
    (tmp_path / "ride.fit").write_bytes(fit_file(ride))
    (tmp_path / "broken.fit").write_bytes(fit_file(ride)[:-1] + b"\x00")
    metrics = [
        {"name": "resting_heart_rate", "units": "bpm", "data": [{"date": "2026-11-20 07:00:00 +0100", "qty": 52}]}
    ]
    (tmp_path / "export.json").write_text(json.dumps({"data": {"metrics": metrics}}))
    ingest = await site.service("ingest").start().ready()
    await site.service("normalize").start().ready()
    fit = await imported(site, ingest, str(tmp_path / "ride.fit"), sort="fit")
    hae = await imported(site, ingest, str(tmp_path / "export.json"), sort="health-auto-export")
    broken = await imported(site, ingest, str(tmp_path / "broken.fit"), sort="fit")
    await eventually(site.is_settled)
    rows = await counts(site.pool)

    assert (fit[0], hae[0], broken[0]) == (0, 0, 1)
    assert "broken.fit is no FIT file, or damaged" in broken[1][0]["error"]
    assert (rows["samples"], rows["resting_heart_rate"]) == (5, 1)


async def test_a_damaged_file_among_others_costs_itself(site: Site, tmp_path: Path) -> None:
    """
    The files behind it are imported, the code is 1 and says so; given again, only the damaged one is tried.
    """
    start = 1_163_952_000
    for number in range(3):
        points = [(20, [(253, ("I", 0x86), start + 100 * number + at), (3, ("B", 2), 120)]) for at in range(5)]
        (tmp_path / f"{number}.fit").write_bytes(fit_file([(0, [(0, ("B", 0), 4)]), *points]))
    (tmp_path / "0.fit").write_bytes((tmp_path / "0.fit").read_bytes()[:-1] + b"\x00")
    (tmp_path / "settings.fit").write_bytes(fit_file([(0, [(0, ("B", 0), 2)])]))
    ingest = await site.service("ingest").start().ready()
    await site.service("normalize").start().ready()
    files = [str(tmp_path / f"{number}.fit") for number in range(3)]
    first = await imported(site, ingest, *files, sort="fit")
    second = await imported(site, ingest, *files, sort="fit")
    nothing = await imported(site, ingest, str(tmp_path / "settings.fit"), sort="fit")
    await eventually(site.is_settled)

    assert (first[0], [each.get("sent", {}).get("accepted") for each in first[1]]) == (1, [None, 1, 1])
    assert "0.fit is no FIT file, or damaged" in first[1][0]["error"]
    assert (second[0], [each.get("kinds") for each in second[1]]) == (1, [None, {}, {}])
    assert (nothing[0], nothing[1][0]["kinds"]) == (2, {})
    assert (await counts(site.pool))["samples"] == 10


async def test_a_folder_arrives_as_a_whole_and_once(site: Site, tmp_path: Path) -> None:
    """
    Account exports and a beat file in one folder become rows; the same command again stores nothing twice, and one
    damaged file inside is said each time.
    """
    folder = tmp_path / "exports"
    folder.mkdir()
    ride = fit_file([(0, [(0, ("B", 0), 4)]), (20, [(253, ("I", 0x86), 1_163_952_000), (3, ("B", 2), 120)])])
    (folder / "garmin.zip").write_bytes(garmin_zip(ride))
    (folder / "2026-11-18 07-05-12.txt").write_bytes(b"812\n799\n804\n")
    (folder / "broken.fit").write_bytes(ride[:-1] + b"\x00")
    ingest = await site.service("ingest").start().ready()
    await site.service("normalize").start().ready()
    first = await imported(site, ingest, str(folder), sort="any")
    second = await imported(site, ingest, str(folder), sort="any")
    await eventually(site.is_settled)
    rows = await counts(site.pool)

    assert [(code, [each["file"] for each in document[0]["damaged"]]) for code, document in (first, second)] == [
        (1, ["exports/broken.fit"])
    ] * 2
    assert first[1][0]["sent"]["accepted"] == second[1][0]["sent"]["accepted"] == sum(rows.values())
    assert {"hrv": 1, "sleep": 1, "activity": 1, "resting_heart_rate": 1, "samples": 1}.items() <= rows.items()
