"""The commands for dead letters on a real stream and a real database, hostile letters among them."""

import asyncio
import json
import stat
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.letters import Bench
from support.samples import hrv_reading
from support.servers import Nats
from support.streams import make_streams

from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.postgres.audit_log import PostgresAuditLog
from athlete_ally.core.audit_log import AuditNote
from athlete_ally.core.broker.topology import Topology, dead_letter_subject
from athlete_ally.core.errors import Misconfigured, Refused
from athlete_ally.core.messages import headers


@pytest.fixture
async def bench(connection: Connection, pool: Any, nats_server: Nats, database_url: str) -> Bench:
    """Give the test a bench of its own."""
    return Bench(connection, pool, {"NATS_URL": nats_server.url, "DATABASE_URL": database_url, "NO_COLOR": "1"})


async def test_more_letters_than_a_batch_with_gaps(bench: Bench) -> None:
    """
    Every letter is read once and in order, however many batches it takes and however many in between were removed.
    """
    await asyncio.gather(*(bench.write(hrv_reading(f"u{number}", 900)) for number in range(1100)))
    for sequence in (1, 500, 501, 1100):
        assert await bench.letters.remove(sequence, erase=False)
    found = [letter.sequence async for letter in bench.letters.all()]
    some = [letter.sequence async for letter in bench.letters.all(from_sequence=499, to_sequence=503)]

    assert found == [number for number in range(1, 1101) if number not in {1, 500, 501, 1100}]
    assert (some, await bench.letters.one(500), await bench.letters.remove(500, erase=True)) == (
        [499, 502, 503],
        None,
        False,
    )


async def test_letters_from_a_hostile_hand(bench: Bench) -> None:
    """
    Bodies that are no JSON, no text, deeply nested or empty, and headers that imitate the server's, are listed, shown,
    tested, explained and grouped like any other.
    """
    bodies = [b"", b"\xff\xfe\x00", b"[" * 50_000, b'{"readings": 7}', b'{"readings": [1, null, "x"]}', b"{" * 200]
    for body in bodies:
        await bench.write(body=body, reason="schema-invalid")
    await bench.write(hrv_reading("a", 900), Status="404", AA_Readings="99999999999999999999", AA_DLQ_At="never")
    sequences = list(range(1, len(bodies) + 2))

    assert await bench.listed() == sequences
    assert (await bench.run("test", "--all", "--json")).document["passing"] == 0
    assert (await bench.run("top", "--json")).document["letters"] == len(sequences)
    for sequence in sequences:
        for command in ("show", "diff"):
            shown = await bench.run(command, str(sequence))
            assert (shown.code, shown.err) in ((0, ""), (2, "")), shown


async def test_filters_combine(bench: Bench) -> None:
    """
    A letter is listed when it fulfils every filter.
    """
    await bench.write(hrv_reading("a", 900))
    await bench.write(hrv_reading("b"), reason="schema-invalid", AA_DLQ_Fingerprint="ffff00000000")
    await bench.write({}, kind="sleep", reason="schema-invalid", AA_DLQ_Worker_Version="0.2.0")
    await bench.write({}, kind="sleep", AA_DLQ_At="2020-01-01T00:00:00+00:00")

    assert [
        await bench.listed("--kind", "sleep", "--reason", "schema-invalid"),
        await bench.listed("--group", "ffff"),
        await bench.listed("--worker-version", "0.2.0"),
        await bench.listed("--older-than", "700d"),
        await bench.listed("--newer-than", "700d", "--kind", "sleep"),
        await bench.listed("--subject", "dlq.*.hrv.*.schema-invalid"),
        await bench.listed("--durable", "normalize-hrv-durable", "--reason", "non-retryable"),
        await bench.listed("--vendor", "oura"),
    ] == [[3], [2], [3], [4], [3], [2], [1], []]


async def test_personal_data_is_masked_until_somebody_answers_for_it(bench: Bench) -> None:
    """
    Neither `show` nor `diff` prints a value; with --reveal they do, and the journal names who asked.
    """
    await bench.write(hrv_reading("secret-person", 901.25))
    shown = [await bench.run(command, "1", *json_) for command in ("show", "diff") for json_ in ((), ("--json",))]
    assert [("secret-person" in each.out, "901.25" in each.out) for each in shown] == [(False, False)] * 4

    revealed = await bench.run("show", "1", "--reveal")
    difference = await bench.run("diff", "1", "--reveal", "--json")

    assert ("secret-person" in revealed.out, difference.document["differences"][0]["value"]) == (True, 901.25)
    assert await bench.journal() == [("reveal", "finished")] * 2


async def test_a_letter_is_explained_field_by_field(bench: Bench) -> None:
    """
    `diff` names reading, field, expectation and remedy; where today's code is content it says so and exits with 0.
    """
    await bench.write(hrv_reading("a", 900), hrv_reading("b", rmsd=4), AA_Reading_Indexes="3,8")
    await bench.write(hrv_reading("fine"))
    explained = (await bench.run("diff", "1", "--json")).document["differences"]

    assert [(each["index"], each["field"], each["expected"]) for each in explained] == [
        (3, "rmssd", "above 0 and at most 300 ms"),
        (8, "rmsd", "the field 'rmssd', or the value under raw"),
    ]
    assert "misspelt rmssd" in explained[1]["remedy"]
    assert (await bench.run("diff", "2")).code == 0
    assert (await bench.run("diff", "99")).code == 2


@pytest.mark.parametrize("columns", ["80", "200"])
async def test_what_has_to_be_copied_is_whole_on_any_terminal(bench: Bench, columns: str) -> None:
    """
    The fingerprint for --group, the reason, the run for --resume and the sequence stand in one piece.
    """
    await bench.write(hrv_reading("a", 900))
    await bench.run("resolve", "1", "--reason", "told them")
    await bench.run("release", "--all", "--shelf", "resolved", "--yes")
    run = (await bench.run("journal", "--json")).document["entries"][0]["run"]
    top, listed, journal = [(await bench.run(word, COLUMNS=columns)).out for word in ("top", "list", "journal")]

    assert ("0123456789ab" in top, "non-retryable" in top, "rmssd" in top) == (True,) * 3
    assert ("non-retryable" in listed, run in journal) == (True, True)
    assert not any("…" in each for each in (top, listed, journal))


async def test_put_aside_and_brought_back(bench: Bench) -> None:
    """
    A letter on a shelf does not wait, keeps its identity, and can be released; every act is in the journal.
    """
    await bench.write(hrv_reading("a", 900))
    await bench.write(hrv_reading("b", 900))
    await bench.run("quarantine", "1", "--because", "kills")
    await bench.run("resolve", "2", "--reason", "told them")
    waiting = await bench.listed()
    shelved = [await bench.listed("--shelf", shelf) for shelf in ("quarantine", "resolved")]
    await bench.run("release", "--all", "--shelf", "quarantine", "--yes")
    (back,) = (await bench.run("list", "--json")).document["letters"]

    assert (waiting, shelved) == ([], [[3], [4]])
    assert (back["subject"], back["letter"]) == (dead_letter_subject("hrv", "non-retryable"), "dlq-m-1")
    acts = ("quarantine", "resolve", "release")
    assert await bench.journal() == [(act, step) for act in acts for step in ("started", "finished")]


async def test_a_letter_is_corrected(bench: Bench) -> None:
    """
    The corrected letter waits, would pass, and is linked to the original, which is kept; the journal has no values.
    """
    await bench.write(hrv_reading("secret-person", 900))
    edited = await bench.run("edit", "1", "--set", "rmssd=41.5", "--set", "device=H10", "--json")
    (waiting,) = (await bench.run("list", "--json")).document["letters"]
    (kept,) = (await bench.run("list", "--shelf", "resolved", "--json")).document["letters"]
    journal = await bench.run("journal", "--json")

    assert (edited.code, edited.document["passes"], edited.document["changes"]) == (0, True, ["0.rmssd", "0.device"])
    assert (waiting["letter"], kept["letter"]) == (edited.document["letter"], edited.document["edited_from"])
    assert ("41.5" in journal.out, "secret-person" in journal.out, "0.rmssd" in journal.out) == (False, False, True)


@pytest.mark.parametrize("assignments", [("rmssd",), ("=4",), ("rmssd=900",)])
async def test_an_edit_that_makes_no_sense(bench: Bench, assignments: tuple[str, ...]) -> None:
    """
    Nothing is written for what can't be read; a correction that still fails says so, with exit code 2.
    """
    await bench.write(hrv_reading("a", 900))
    edited = await bench.run("edit", "1", *(word for each in assignments for word in ("--set", each)))

    assert edited.code in {2, 3}
    assert await bench.listed() == [1]


async def test_no_edit_in_production_without_leave(bench: Bench, tmp_path: Path) -> None:
    """
    In production `edit` is refused, unless the environment file allows it.
    """
    await bench.write(hrv_reading("a", 900))
    text = Path("deploy/environments/production.toml").read_text("utf-8")
    file = tmp_path / "production.toml"
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    settings = {"AA_ENVIRONMENT_FILE": str(file), "AA_ENVIRONMENT": "production", "AA_INGEST_KEYS_FILE": str(keys)}
    file.write_text(text, "utf-8")
    refused = await bench.run("edit", "1", "--set", "rmssd=41", **settings)
    file.write_text(
        text.replace('environment = "production"', 'environment = "production"\nallow_edit_dead_letters = true')
    )
    allowed = await bench.run("edit", "1", "--set", "rmssd=41", **settings)

    assert (refused.code, "allow_edit_dead_letters" in refused.err, allowed.code) == (3, True, 0)


async def test_a_purge_wants_a_copy_and_a_number(bench: Bench, tmp_path: Path) -> None:
    """
    Without a word on the copy, or with the wrong number, nothing is removed; with both the letters are gone, and the
    copy has them.
    """
    for user in "abc":
        await bench.write(hrv_reading(user, 900))
    copy = tmp_path / "copy.ndjson"
    refused = [
        await bench.run("purge", "--all"),
        await bench.run("purge", "--no-export"),
        await bench.run("purge", "--all", "--no-export", "--confirm", "2"),
        await bench.run("purge", "--all", "--no-export"),
    ]
    left = await bench.listed()
    purged = await bench.run("purge", "1", "2", "--out", str(copy), "--confirm", "2")

    assert "--confirm COUNT" in refused[-1].err
    assert ([each.code for each in refused], left) == ([3, 3, 3, 3], [1, 2, 3])
    assert (purged.code, await bench.listed(), len(copy.read_bytes().splitlines())) == (0, [3], 4)


async def test_an_export_survives_the_move(bench: Bench, tmp_path: Path, topology: Topology) -> None:
    """
    What was exported, removed and imported is there again, byte for byte and with its headers; importing it once more
    adds nothing. The file is its owner's alone, and is never overwritten.
    """
    bodies = [b"\xff\x00 no text", json.dumps({"readings": [hrv_reading("ä", 900)]}).encode()]
    for body in bodies:
        await bench.write(body=body)
    out = tmp_path / "letters.ndjson"
    exported = await bench.run("export", "--out", str(out), "--json")
    before = [letter async for letter in bench.letters.all()]
    # Another cluster: a stream that remembers no id.
    await bench.connection.api("STREAM.DELETE.AA_DLQ")
    await make_streams(bench.connection, topology)
    imported = await bench.run("import", str(out), "--json")
    again = await bench.run("import", str(out), "--json")
    after = [letter async for letter in bench.letters.all()]

    assert exported.document["letters"] == 2
    assert (imported.document["imported"], again.document["imported"], again.document["there_already"]) == (2, 0, 2)
    assert [(each.identity, each.subject, each.body) for each in after] == [
        (each.identity, each.subject, each.body) for each in before
    ]
    assert [each.headers[headers.DLQ_ERROR] for each in after] == [each.headers[headers.DLQ_ERROR] for each in before]
    assert (await bench.run("export", "--out", str(out))).code == 3
    if sys.platform != "win32":
        assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("harm", ["cut", "changed", "nonsense"])
async def test_a_damaged_export_is_refused_whole(bench: Bench, tmp_path: Path, harm: str) -> None:
    """
    A file that was cut off, changed or never was an export is refused before the first letter is written.
    """
    await bench.write(hrv_reading("a", 900))
    out = tmp_path / "letters.ndjson"
    await bench.run("export", "--out", str(out))
    await bench.letters.remove(1, erase=False)
    whole = out.read_bytes()
    harmed = {
        "cut": b"".join(whole.splitlines(keepends=True)[:-1]),
        "changed": whole.replace(b"900", b"100"),
        "nonsense": b"hello\n",
    }
    out.write_bytes(harmed[harm])

    assert ((await bench.run("import", str(out))).code, await bench.listed()) == (3, [])
    assert (await bench.run("test", "--from", str(out))).code == 1


async def test_an_export_is_tested_without_any_server(bench: Bench, tmp_path: Path) -> None:
    """
    `test --from` needs neither NATS nor PostgreSQL.
    """
    await bench.write(hrv_reading("a", 900))
    await bench.write(hrv_reading("b"))
    out = tmp_path / "letters.ndjson"
    await bench.run("export", "--out", str(out))
    nowhere = {"NATS_URL": "nats://127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    tested = await bench.run("test", "--from", str(out), "--json", **nowhere)

    assert (tested.code, tested.document["letters"], tested.document["passing"]) == (2, 2, 1)


async def test_what_is_stored_already_is_predicted_as_superseded(bench: Bench) -> None:
    """
    The prediction looks into the database: an older capture of the same night would change nothing.
    """
    await bench.write(hrv_reading("a", minutes_ago=60))
    await bench.write(hrv_reading("b", minutes_ago=60))
    columns = "user_id, period, source, context, day, quality_flags, captured_at, received_at, message_id"
    newer = "'a', '2026-11-20', 'client', 'unspecified', '2026-11-20', '{}', '2026-11-20 11:30+00', now(), 'm', 9, 0"
    await bench.pool.execute(f"INSERT INTO hrv_data ({columns}, stream_sequence, reading_index) VALUES ({newer})")  # noqa: S608  # ours
    tested = (await bench.run("test", "--all", "--json")).document

    assert tested["readings"] == {"stored": 1, "superseded": 1, "duplicate": 0, "ignored": 0, "failing": 0}


async def test_looking_works_without_a_database(bench: Bench, tmp_path: Path) -> None:
    """
    Without PostgreSQL letters are listed, grouped, shown, tested and exported, with a warning that replays are not
    known; whatever changes a letter is an error that names the database, and changes nothing.
    """
    await bench.write(hrv_reading("a", 900))
    away = {"DATABASE_URL": "postgresql://postgres@127.0.0.1:1/none"}
    listed = await bench.run("list", "--json", **away)
    commands = [
        await bench.run(*words, **away)
        for words in (("top",), ("show", "1"), ("stats",), ("export", "--out", str(tmp_path / "x")))
    ]
    changes = [
        await bench.run(*words, **away)
        for words in (("resolve", "1", "--reason", "x"), ("show", "1", "--reveal"), ("edit", "1", "--set", "rmssd=1"))
    ]

    assert (listed.document["letters"][0]["replays"], "replays are unknown" in listed.err) == (None, True)
    assert [each.code for each in commands] == [0, 0, 0, 0]
    assert [(each.code, "DATABASE_URL" in each.err) for each in changes] == [(1, True)] * 3
    assert await bench.listed() == [1]


async def test_no_letters_is_no_error(bench: Bench) -> None:
    """
    An empty AA_DLQ is listed, grouped and tested as such; a missing one says how to get it.
    """
    assert [(await bench.run(command, "--json")).code for command in ("list", "top", "stats")] == [0, 0, 0]
    assert (await bench.run("test", "--all")).code == 0
    assert (await bench.run("test")).code == 3
    await bench.connection.api("STREAM.DELETE.AA_DLQ")
    with pytest.raises(Misconfigured, match="streams apply"):
        await bench.letters.one(1)
    assert ((await bench.run("list")).code, "streams apply" in (await bench.run("list")).err) == (1, True)


async def test_the_journal_can_only_grow(bench: Bench) -> None:
    """
    Not even the owner of the table changes, deletes or truncates what was noted.
    """
    await PostgresAuditLog(bench.pool).write([AuditNote("r", "me", "resolve", "started", "letter", 1, {"why": "x"})])
    for statement in (
        "UPDATE dead_letter_journal SET actor = 'nobody'",
        "DELETE FROM dead_letter_journal",
        "TRUNCATE dead_letter_journal",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await bench.pool.execute(statement)

    assert await bench.journal() == [("resolve", "started")]


async def test_one_person_at_a_time(bench: Bench) -> None:
    """
    While somebody changes letters, another one is refused; when the first is done, or dies, the way is free.
    """
    journal = PostgresAuditLog(bench.pool)
    async with journal.alone():
        with pytest.raises(Refused, match="somebody else"):
            async with PostgresAuditLog(bench.pool).alone():
                pass
    async with journal.alone():
        pass
