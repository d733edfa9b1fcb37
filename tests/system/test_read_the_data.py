"""The page on reading the data, as it is written."""

import asyncio
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.here import Here

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "read-the-data.md"
PORTS = {"4101": "ingest", "4104": "api"}


def blocks(heading: str, language: str) -> list[str]:
    """Return the blocks of a section in one language."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


class Reader:
    """Follows the page on services of its own, in an empty folder."""

    def __init__(self, urls: dict[str, str], folder: Path) -> None:
        """Use these services in place of those at the usual ports."""
        self._urls, self._folder = urls, folder
        path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
        self._environment = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}

    async def run(self, *command: str, within_s: float = 60) -> str:
        """Return what a command prints, until it ends or its time is over."""
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self._folder, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        output, errors = await asyncio.wait_for(process.communicate(), within_s)
        assert process.returncode == 0, errors.decode()
        return output.decode()

    def here(self, text: str) -> str:
        """Return a text of the page with the addresses of these services."""
        for port, name in PORTS.items():
            text = text.replace(f"http://127.0.0.1:{port}", self._urls[name])
        return text.replace("uv run ", "")

    async def shell(self, heading: str) -> list[str]:
        """Run the commands of a section, one after the other, and return what each prints."""
        lines = "".join(blocks(heading, "sh")).splitlines()
        return [await self.run("sh", "-ec", self.here(line)) for line in lines]

    async def lines_of_python(self, heading: str, count: int) -> list[str]:
        """Run the program of a section until it has printed so many lines."""
        (program,) = blocks(heading, "python")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self.here(program), cwd=self._folder, env=self._environment, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(60):
                return [(await process.stdout.readline()).decode() for _ in range(count)]
        finally:
            process.kill()
            await process.wait()


@pytest.fixture
async def reader(here: Here, tmp_path: Path) -> Reader:
    """Run the services, without keys as in dev."""
    ingest, _, api = await here.start("ingest", "normalize", "api")
    folder = tmp_path / "my folder"
    folder.mkdir()
    return Reader({"ingest": ingest, "api": api}, folder)


@pytest.mark.skipif(sys.platform == "win32", reason="the page's commands are those of a POSIX shell")
async def test_a_reading_is_sent_and_read(reader: Reader, pool: Any) -> None:
    """
    From a shell a reading is sent, heard of and read; a program hears of it too; SQL and a token read the same.
    """
    key, sent, heard, record, table = await reader.shell("From a shell")
    (line,) = await reader.lines_of_python("From Python", 1)
    (statement,) = blocks("With SQL", "sql")
    await pool.execute("UPDATE hrv_data SET day = current_date")
    (row,) = await pool.fetch(statement)
    (token,) = await reader.shell("Give a phone a token")

    assert key.startswith("aak_")
    assert json.loads(sent)["status"] == "accepted"
    assert [each["record"]["rmssd_ms"] for each in json.loads(heard)["changes"]] == [61.5]
    assert [each["rmssd_ms"] for each in json.loads(record)["records"]] == [61.5]
    assert table.count("\n") == 2
    assert line.startswith("created athlete-7 hrv {")
    assert row["rmssd_ms"] == 61.5
    assert json.loads(token)["token"].startswith("aat_")


@pytest.mark.skipif(sys.platform == "win32", reason="the page's commands are those of a POSIX shell")
async def test_studies_do_not_see_each_other(here: Here, tmp_path: Path) -> None:
    """
    What a study's key sends it reads under its own ids, and another study's key does not find it.
    """
    reader = Reader({"ingest": "", "api": ""}, tmp_path)
    (study_a,) = await reader.shell("Several studies in one deployment")
    other = "athlete-ally keys create study-b --scope 'read:*' --prefix study-b/ --file clients.json"
    study_b = await reader.run("sh", "-ec", other)
    ingest, _, api = await here.start("ingest", "normalize", "api", AA_INGEST_KEYS_FILE=str(tmp_path / "clients.json"))
    reading = {"userId": "p-01", "date": "2026-11-20", "rmssd": 61.5, "capturedAt": "2026-11-20T07:00:00+01:00"}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:

        async def get(path: str, key: str) -> httpx.Response:
            return await client.get(f"{api}/api/v1{path}", headers={"Authorization": f"Bearer {key.strip()}"})

        headers = {"Authorization": f"Bearer {study_a.strip()}"}
        sent = await client.post(f"{ingest}/api/v1/ingest/hrv", json=reading, headers=headers)
        heard = await get("/changes?wait=30", study_a)
        other_person = await get("/people/p-01", study_b)
        other_feed = await get("/changes", study_b)

    assert sent.status_code == 202
    assert [(each["user_id"], each["record"]["user_id"]) for each in heard.json()["changes"]] == [("p-01", "p-01")]
    assert (other_person.status_code, other_feed.json()["changes"]) == (404, [])
