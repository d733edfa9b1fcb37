"""The commands on streams against a real server: what they print, refuse, change and note."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.commands import Outcome, in_process
from support.servers import Nats

from athlete_ally.adapters.logs import build_log
from athlete_ally.adapters.nats.broker import NatsBroker
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.snapshot import SnapshotHead, Snapshots
from athlete_ally.core.broker.topology import CORE_HOT, DLQ, normalize_durable, raw_subject
from athlete_ally.wiring.commands import streams as operator
from athlete_ally.wiring.commands import streams_backup as backup_wiring

ROOT = Path(__file__).parents[2]
DEV = (ROOT / "deploy/environments/dev.toml").read_text("utf-8")
SCRIPT = ROOT / "scripts/nats/create_streams_operator.py"
HRV = normalize_durable("hrv")


class LetterReader:
    """A server with all streams as dev wants them, and the command line on it, in this process."""

    def __init__(self, connection: Connection, folder: Path, url: str) -> None:
        """Use this server and folder."""
        self.connection, self.folder = connection, folder
        journal = str(folder / "state/journal.jsonl")
        self.environment = {"NATS_URL": url, "AA_STREAMS_JOURNAL": journal, "NO_COLOR": "1"}

    def file(self, *changes: tuple[str, str]) -> str:
        """Write dev's file with some changes, and return its path."""
        text = DEV
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = self.folder / "wanted.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    async def run(self, *arguments: str) -> Outcome:
        """Run a command to its end, in a thread, since it has an event loop of its own."""
        return await asyncio.to_thread(in_process, self.environment, "streams", *arguments)

    async def fill(self, count: int) -> None:
        """Store readings that nobody has processed."""
        for number in range(count):
            await self.connection.client.request(raw_subject("hrv"), b"%d" % number)

    async def info(self, stream: str = CORE_HOT) -> dict[str, Any]:
        """Return what the server says of a stream."""
        return await self.connection.api(f"STREAM.INFO.{stream}")


@pytest.fixture
async def reader(connection: Connection, nats_server: Nats, tmp_path: Path) -> LetterReader:
    """Give the test a reader of its own."""
    return LetterReader(connection, tmp_path, nats_server.url)


SHRINK = ('max_bytes = "16 MiB"', 'max_bytes = "1 KiB"')


async def shrunk(reader: LetterReader) -> str:
    """Fill the one stream that forgets, and return a file that leaves it less room."""
    subject = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.AA_CORE_HOT.test"
    for _ in range(20):
        await reader.connection.client.request(subject, b"x" * 100)
    return reader.file(SHRINK)


async def test_shrinking_a_loaded_stream(reader: LetterReader) -> None:
    """
    The plan has the numbers and exit code 2; an apply that nobody allowed is refused with 3, and nothing is gone.
    """
    path = await shrunk(reader)
    plan = await reader.run("plan", "--environment-file", path)
    refused = await reader.run("apply", "--yes", "--environment-file", path)
    allowed = ("--allow-data-loss", "AA_ADVISORY:max_bytes")
    no_backup = await reader.run("apply", "--yes", *allowed, "--environment-file", path)
    held = (await reader.info("AA_ADVISORY"))["state"]["messages"]

    assert (plan.code, refused.code, no_backup.code, held) == (2, 3, 3, 20)
    assert "destructive max_bytes 16 MiB to 1 KiB: would delete 15 of 20 messages (oldest 20" in " ".join(
        plan.out.split()
    )
    assert "15 of them not yet acknowledged by reap-advisories-durable" in plan.out
    assert "--allow-data-loss AA_ADVISORY:max_bytes" in refused.err
    assert "needs a verified backup of the last hour" in no_backup.err


@pytest.mark.parametrize(
    ("made_at", "code"),
    [("2020-01-01T00:00:00Z", 3), ("now", 0), (None, 0)],
    ids=["an old backup", "a fresh one", "none, and that is accepted"],
)
@pytest.mark.broker_clock
async def test_what_was_allowed_is_done(reader: LetterReader, made_at: str | None, code: int) -> None:
    """
    With the loss allowed by name, and a verified backup of the last hour or none wanted, just the messages planned go.
    """
    path = await shrunk(reader)
    backup = reader.folder / "backup"
    backup.mkdir()
    stamp = (await reader.info())["ts"] if made_at == "now" else made_at or "2020-01-01T00:00:00Z"
    manifest = {"stream": "AA_ADVISORY", "created_at": stamp, "verified_at": stamp}
    (backup / "manifest.json").write_text(json.dumps(manifest))
    proof = ("--backup", str(backup)) if made_at else ("--no-backup-i-accept-the-loss",)
    allowed = ("--allow-data-loss", "AA_ADVISORY:max_bytes", *proof)
    done = await reader.run("apply", "--yes", *allowed, "--environment-file", path, "--json")

    assert (done.code, (await reader.info("AA_ADVISORY"))["state"]["messages"]) == (code, 5 if code == 0 else 20)
    if code == 0:
        assert [(each["name"], each["deleted"]) for each in done.document["done"]] == [("AA_ADVISORY", 15)]


async def test_a_sender_that_only_the_settings_name_has_its_durable_made(reader: LetterReader) -> None:
    """
    What a service of these settings would miss is what plan misses and apply makes; status then shows it.
    """
    reader.environment["AA_WEBHOOK_SENDERS"] = "acme"
    plan = await reader.run("plan")
    applied = await reader.run("apply", "--yes")
    status = await reader.run("status", "--json")

    assert (plan.code, applied.code, (await reader.run("plan")).code) == (2, 0, 0)
    assert "unpack-acme-durable" in plan.out
    assert "unpack-acme-durable" in {each["name"] for each in status.document["durables"]}


async def test_without_a_terminal_nobody_is_asked(reader: LetterReader) -> None:
    """
    What is not allowed beforehand is refused at once, with the option that would allow it.
    """
    path = reader.file(('max_age = "48h"', 'max_age = "24h"'))
    refused = await reader.run("apply", "--yes", "--environment-file", path)
    options = [option for stream in (CORE_HOT, "AA_VENDOR_HOT") for option in ("--allow-impact", f"{stream}:max_age")]
    done = await reader.run("apply", *options, "--environment-file", path)
    again = await reader.run("apply", "--environment-file", path)

    assert (refused.code, done.code, again.code) == (3, 0, 0)
    assert f"--allow-impact {CORE_HOT}:max_age" in refused.err
    assert "as desired" in again.out
    assert (await reader.info())["config"]["max_age"] == 24 * 3600 * 10**9


async def test_a_stale_plan_is_refused(reader: LetterReader) -> None:
    """
    A plan from a file is carried out only while the server is as it was; exit code 5, and nothing is changed.
    """
    path = reader.file(('max_age = "48h"', 'max_age = "72h"'))
    out = str(reader.folder / "plan.json")
    assert (await reader.run("plan", "--out", out, "--environment-file", path)).code == 2
    live = (await reader.info())["config"]
    await reader.connection.api(f"STREAM.UPDATE.{CORE_HOT}", {**live, "description": "changed by somebody"})
    stale = await reader.run("apply", out, "--yes", "--environment-file", path)
    await reader.connection.api(f"STREAM.UPDATE.{CORE_HOT}", live)
    done = await reader.run("apply", out, "--yes", "--environment-file", path)

    assert (stale.code, done.code) == (5, 0)
    assert (await reader.info())["config"]["max_age"] == 72 * 3600 * 10**9


def meddling(url: str, *, stream: str) -> Callable[[], Awaitable[None]]:
    """Return what somebody else does at the worst moment: over a connection of its own it deletes messages."""

    async def meddle() -> None:
        stranger = Connection(url, name="stranger", log=build_log("stranger", level="error", form="json"))
        await stranger.open()
        await stranger.api(f"STREAM.PURGE.{stream}", {"keep": 1})
        await stranger.close()

    return meddle


async def test_messages_that_vanish_during_an_apply(reader: LetterReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Somebody deletes messages between the change and the look afterwards: exit code 6 with both numbers, and the journal
    does not call it done. Without the stranger the same apply is 0.
    """
    await reader.fill(5)
    meddle = meddling(reader.environment["NATS_URL"], stream=CORE_HOT)

    class Meddled(NatsBroker):
        async def update_stream(self, config: Mapping[str, Any]) -> None:
            await super().update_stream(config)
            await meddle()

    path = reader.file(('max_age = "48h"', 'max_age = "72h"'))
    with monkeypatch.context() as patched:
        patched.setattr(operator, "NatsBroker", Meddled)
        ended = await reader.run("apply", "--yes", "--only", CORE_HOT, "--environment-file", path)
    results = [entry["result"] for entry in (await reader.run("journal", "--json")).document["entries"]]
    quiet = await reader.run("apply", "--yes", "--environment-file", path)

    assert (ended.code, quiet.code, results) == (6, 0, ["begun", "failed"])
    assert f"stream {CORE_HOT} has 1 messages after the change, and had 5" in ended.err


@pytest.mark.broker_clock
async def test_a_backup_that_was_altered(reader: LetterReader) -> None:
    """
    One byte changed after it was proved good: neither verify-backup nor restore believes it, exit code 6, and nothing
    is restored.
    """
    await reader.fill(5)
    folder = str(reader.folder / "backups")
    assert (await reader.run("backup", CORE_HOT, "--out", folder)).code == 0
    backup = next(path.parent for path in Path(folder).rglob("manifest.json"))
    good = await reader.run("verify-backup", str(backup))
    await reader.connection.api(f"STREAM.DELETE.{CORE_HOT}")
    data = next(path for path in backup.iterdir() if path.name != "manifest.json")
    whole = data.read_bytes()
    data.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    altered = [
        await reader.run(*arguments)
        for arguments in (("verify-backup", str(backup)), ("restore", str(backup), "--yes"))
    ]
    gone = await NatsBroker(reader.connection).stream(CORE_HOT)
    data.write_bytes(whole)
    back = await reader.run("restore", str(backup), "--yes")

    assert (good.code, [each.code for each in altered], gone, back.code) == (0, [6, 6], None, 0)
    assert (await reader.info())["state"]["messages"] == 5


@pytest.mark.broker_clock
async def test_messages_that_vanish_during_a_restore(reader: LetterReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What the server has after a restore is counted: messages that somebody deleted meanwhile are exit code 6.
    """
    await reader.fill(5)
    folder = str(reader.folder / "backups")
    assert (await reader.run("backup", CORE_HOT, "--out", folder)).code == 0
    backup = next(path.parent for path in Path(folder).rglob("manifest.json"))
    await reader.connection.api(f"STREAM.DELETE.{CORE_HOT}")
    meddle = meddling(reader.environment["NATS_URL"], stream=CORE_HOT)

    class Meddled(Snapshots):
        async def restore(self, stream: str, head: SnapshotHead, chunks: AsyncIterable[bytes]) -> None:
            await super().restore(stream, head, chunks)
            await meddle()

    monkeypatch.setattr(backup_wiring, "Snapshots", Meddled)
    ended = await reader.run("restore", str(backup), "--yes")
    results = [entry["result"] for entry in (await reader.run("journal", "--json")).document["entries"]]

    assert (ended.code, results) == (6, ["begun", "failed"])
    assert "messages: 1, in the backup 5" in ended.err


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('account = ""', 'account = "OTHER"', "account is $G, expected OTHER"),
        ('cluster = ""', 'cluster = "elsewhere"', "cluster is not named, expected elsewhere"),
        ('min_server = "2.12"', 'min_server = "9.0"', "is older than 9.0"),
        ("min_api_level = 2", "min_api_level = 99", "expected 99 or higher"),
        ('environment = "dev"', 'environment = "staging"', "belongs to dev, not to staging"),
    ],
)
async def test_another_server_is_left_alone(reader: LetterReader, old: str, new: str, complaint: str) -> None:
    """
    Account, cluster, version, API level, and the streams' own notes: exit code 4 for plan and apply.
    """
    path = reader.file((old, new))
    outcomes = [await reader.run(verb, "--environment-file", path) for verb in ("plan", "apply", "drift")]

    assert [outcome.code for outcome in outcomes] == [4, 4, 4]
    assert all(complaint in outcome.err for outcome in outcomes)


async def test_the_way_back(reader: LetterReader) -> None:
    """
    The journal has who did what; a rollback plans the state before, goes there on demand, and says what stays lost.
    """
    path = await shrunk(reader)
    allowed = ("--allow-data-loss", "AA_ADVISORY:max_bytes", "--no-backup-i-accept-the-loss")
    run_id = (await reader.run("apply", "--yes", *allowed, "--environment-file", path, "--json")).document["run"]
    (begun, done) = (await reader.run("journal", "--json")).document["entries"]
    plan = await reader.run("rollback", run_id)
    back = await reader.run("rollback", run_id, "--apply", "--yes")

    assert (begun["result"], done["result"], done["deleted"], done["environment"]) == ("begun", "done", 15, "dev")
    assert (done["change"]["before"]["max_bytes"], done["change"]["after"]["max_bytes"]) == (16 * 2**20, 1024)
    assert (plan.code, back.code) == (2, 0)
    assert "15 messages of AA_ADVISORY were deleted and don't come back" in plan.err
    assert (await reader.info("AA_ADVISORY"))["config"]["max_bytes"] == 16 * 2**20
    assert (await reader.run("plan")).code == 0
    assert run_id in (await reader.run("journal")).out


async def test_an_unknown_run_is_named(reader: LetterReader) -> None:
    """
    There is no way back to what is not in the journal.
    """
    missing = await reader.run("rollback", "nonsense")

    assert (missing.code, "no change with the id nonsense" in missing.err) == (1, True)


async def test_foreign_fields_and_notes_survive(reader: LetterReader) -> None:
    """
    An apply changes what the environment wants, and leaves alone what it does not speak of.
    """
    live = (await reader.info())["config"]
    theirs = {**live["metadata"], "team": "hearts"}
    changed = {**live, "max_bytes": 2**29, "metadata": theirs, "consumer_limits": {"max_ack_pending": 5000}}
    await reader.connection.api(f"STREAM.UPDATE.{CORE_HOT}", changed)
    done = await reader.run("apply", "--yes")
    after = (await reader.info())["config"]

    assert (done.code, after["max_bytes"], after["metadata"]["team"]) == (0, 2**30, "hearts")
    assert after["consumer_limits"] == {"max_ack_pending": 5000}
    await reader.connection.api(f"STREAM.UPDATE.{CORE_HOT}", {**live, "consumer_limits": {}})


async def test_only_what_is_named(reader: LetterReader) -> None:
    """
    `--only` leaves the rest of a plan for another time.
    """
    path = reader.file(('max_age = "48h"', 'max_age = "72h"'))
    done = await reader.run("apply", "--yes", "--only", "AA_VENDOR_HOT", "--environment-file", path, "--json")
    misspelt = await reader.run("apply", "--yes", "--only", "AA_VENDOR", "--environment-file", path)

    assert (misspelt.code, "AA_VENDOR is not a stream" in misspelt.err) == (1, True)
    assert [each["name"] for each in done.document["done"]] == ["AA_VENDOR_HOT"]
    assert (await reader.info())["config"]["max_age"] == 48 * 3600 * 10**9


async def test_drift_for_cron(reader: LetterReader) -> None:
    """
    One series for each field that differs, and when it was looked at; the file is replaced in one step.
    """
    out = reader.folder / "drift.prom"
    path = reader.file(('max_age = "48h"', 'max_age = "72h"'))
    drifted = await reader.run("drift", "--format", "prometheus", "--out", str(out), "--environment-file", path)
    text = out.read_text("utf-8")
    same = await reader.run("drift", "--format", "prometheus")

    assert (drifted.code, same.code) == (2, 0)
    assert f'aa_stream_config_drift{{environment="dev",object="{CORE_HOT}",field="max_age",danger="safe"}} 1' in text
    assert "aa_stream_config_drift{" not in same.out
    assert 'aa_stream_drift_last_check_timestamp_seconds{environment="dev"} ' in same.out
    assert [out] == list(reader.folder.glob("*drift*"))


async def test_what_is_adopted_is_as_desired(reader: LetterReader) -> None:
    """
    The file that `adopt` writes describes the server: a plan with it has nothing to do. It overwrites no file.
    """
    live = (await reader.info())["config"]
    await reader.connection.api(
        f"STREAM.UPDATE.{CORE_HOT}", {**live, "max_age": 5 * 3600 * 10**9, "max_bytes": 12345678}
    )
    out = str(reader.folder / "adopted.toml")
    adopted, again = await reader.run("adopt", "--out", out), await reader.run("adopt", "--out", out)
    text = Path(out).read_text("utf-8")
    plan = await reader.run("plan", "--environment-file", out)

    assert (adopted.code, again.code, plan.code) == (0, 3, 0)
    assert 'max_age = "5h"' in text
    assert 'max_bytes = "12345678 bytes"' in text
    assert 'account = "$G"' in text


async def test_status_on_one_screen(reader: LetterReader) -> None:
    """
    Messages, room, age and lag are shown; exit code 2 when a durable is paused or missing.
    """
    await reader.fill(7)
    well = (await reader.run("status", "--json"), await reader.run("status"))
    until = {"pause_until": "2100-01-01T00:00:00Z"}
    await reader.connection.api(f"CONSUMER.PAUSE.{CORE_HOT}.{HRV}", until)
    paused = await reader.run("status")
    await reader.connection.api(f"CONSUMER.DELETE.{CORE_HOT}.{HRV}")
    missing = await reader.run("status", "--json")
    rows = {row["name"]: row for row in well[0].document["durables"]}

    assert ([each.code for each in well], paused.code, missing.code) == ([0, 0], 2, 2)
    assert (rows[HRV]["lag"], rows[HRV]["abandoned"]) == (7, 0)
    assert ("paused" in paused.out, HRV in well[1].out) == (True, True)
    assert [row["name"] for row in missing.document["durables"] if row["missing"]] == [HRV]


async def test_a_durable_of_somebody_else_is_found(reader: LetterReader) -> None:
    """
    It is named, left alone, and can be accepted in the file with a reason.
    """
    config = {"durable_name": "stranger", "name": "stranger", "ack_policy": "explicit"}
    payload = {"stream_name": DLQ, "config": config, "action": "create"}
    await reader.connection.api(f"CONSUMER.CREATE.{DLQ}.stranger", payload)
    found = await reader.run("plan")
    path = reader.file(
        ("[thresholds]", '[silence]\n"unmanaged:stranger" = "reads letters for the auditors"\n\n[thresholds]')
    )
    accepted = await reader.run("plan", "--environment-file", path)

    assert (found.code, "durable stranger of AA_DLQ is none of ours" in found.out, accepted.code) == (2, True, 0)


async def test_a_plan_in_a_pull_request(reader: LetterReader) -> None:
    """
    Markdown is a table; JSON has a version and everything that `apply` needs.
    """
    path = reader.file(('max_age = "48h"', 'max_age = "72h"'))
    markdown = await reader.run("plan", "--markdown", "--environment-file", path)
    document = (await reader.run("plan", "--json", "--environment-file", path)).document

    assert f"| stream `{CORE_HOT}` | safe | max_age 2d to 3d |" in markdown.out
    assert (document["schema"], len(document["sha256"]), len(document["steps"])) == (1, 64, 2)


async def test_an_even_and_a_misspelt_file(reader: LetterReader) -> None:
    """
    `validate` needs no server: rules that are not kept are named, and a file that can't be read is exit code 1.
    """
    even = await reader.run("validate", "--environment-file", reader.file(("replicas = 1", "replicas = 2")))
    silenced = reader.file(
        ("replicas = 1", "replicas = 2"), ("[thresholds]", '[silence]\nL6 = "two sites only"\n[thresholds]')
    )
    accepted = await reader.run("validate", "--environment-file", silenced)
    misspelt = await reader.run("validate", "--environment-file", reader.file(("max_age", "max_aeg")))

    assert (even.code, accepted.code, misspelt.code) == (2, 0, 1)
    assert f"L6:{CORE_HOT}: an even number of copies" in even.out
    assert "silenced L6: two sites only" in accepted.out
    assert "max_aeg" in misspelt.err


async def in_a_terminal(reader: LetterReader, answer: str, *arguments: str) -> Outcome:
    """Run a command as a process whose standard input is a terminal, on which somebody types."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are a thing of Unix")
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "athlete_ally", "streams", *arguments),
        env={**os.environ, **reader.environment},
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    out, err = await asyncio.wait_for(process.communicate(), 60)
    os.close(ours)
    return Outcome(process.returncode or 0, out.decode(), err.decode())


async def test_a_person_at_a_terminal_is_asked(reader: LetterReader) -> None:
    """
    What services feel is asked about, `--yes` or not; no is exit code 3, yes is done.
    """
    path = reader.file(('max_age = "48h"', 'max_age = "24h"'))
    no = await in_a_terminal(reader, "n\n", "apply", "--yes", "--environment-file", path)
    unchanged = (await reader.info())["config"]["max_age"]
    yes = await in_a_terminal(reader, "y\n", "apply", "--environment-file", path)

    assert (no.code, unchanged, yes.code) == (3, 48 * 3600 * 10**9, 0)
    assert "2 changes that affect running services?" in no.err


@pytest.mark.parametrize(("typed", "code"), [("AA_DLQ", 3), ("AA_ADVISORY", 0)])
async def test_production_wants_the_name_typed_back(reader: LetterReader, typed: str, code: int) -> None:
    """
    Although the loss was allowed by name, a person in production types the stream once more; another name is a no.
    """
    for name in (CORE_HOT, "AA_VENDOR_HOT", DLQ, "AA_ADVISORY"):
        live = (await reader.info(name))["config"]
        marked = {**live["metadata"], "athlete-ally.environment": "production"}
        await reader.connection.api(f"STREAM.UPDATE.{name}", {**live, "metadata": marked})
    await shrunk(reader)
    path = reader.file(SHRINK, ('environment = "dev"', 'environment = "production"'))
    allowed = ("--allow-data-loss", "AA_ADVISORY:max_bytes", "--no-backup-i-accept-the-loss")
    outcome = await in_a_terminal(
        reader, f"{typed}\n", "apply", "--yes", "--only", "AA_ADVISORY", *allowed, "--environment-file", path
    )

    assert (outcome.code, "type AA_ADVISORY to continue" in outcome.err) == (code, True)
    assert (await reader.info("AA_ADVISORY"))["state"]["messages"] == (20 if code else 5)


async def scripted(reader: LetterReader, *arguments: str) -> Outcome:
    """Run the script of the operator, from another folder than the project's."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), *arguments),
        cwd=reader.folder,
        env={**os.environ, **reader.environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return Outcome(process.returncode or 0, out.decode(), err.decode())


async def test_the_script_plans_unless_told_to_apply(reader: LetterReader) -> None:
    """
    It is the same code: plan by default, `--apply` changes, an environment by name or a file, one of them.
    """
    path = reader.file(('max_age = "48h"', 'max_age = "72h"'))
    planned = await scripted(reader, "--env-file", path)
    unchanged = (await reader.info())["config"]["max_age"]
    applied = await scripted(reader, "--env-file", path, "--apply", "--yes", "--json")
    wrong = await scripted(reader, "--env", "production", "--server", reader.environment["NATS_URL"])
    neither = await scripted(reader)

    assert (planned.code, unchanged, applied.code, wrong.code, neither.code) == (2, 48 * 3600 * 10**9, 0, 4, 2)
    assert {CORE_HOT, "AA_VENDOR_HOT"} == {each["name"] for each in applied.document["done"]}
