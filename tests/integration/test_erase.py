"""Erasing one person from real streams and tables: killed at every step, among other people, and looked for after."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.commands import Outcome, in_process
from support.journals import Journals
from support.samples import NOON, hrv_reading, hrv_record, request
from support.servers import Nats

from athlete_ally.adapters.files.message_journal import file_journal
from athlete_ally.adapters.files.message_journal.rewriter import JournalRewriter
from athlete_ally.adapters.nats.connection import Connection
from athlete_ally.adapters.nats.dead_letters import NatsLetters
from athlete_ally.adapters.nats.inbox import NatsInbox
from athlete_ally.adapters.nats.publisher import NatsPublisher
from athlete_ally.adapters.nats.stream_reader import NatsStreamReader
from athlete_ally.adapters.postgres.audit_log import PostgresAuditLog
from athlete_ally.adapters.postgres.person_data import PostgresPersonData
from athlete_ally.adapters.postgres.receipt_lookup import PostgresReceiptLookup
from athlete_ally.adapters.postgres.store import PostgresStore
from athlete_ally.adapters.postgres.webhook_store import PostgresWebhookStore
from athlete_ally.cli.exits import Exit
from athlete_ally.core.broker.topology import (
    CORE_HOT,
    DLQ,
    VENDOR_HOT,
    Topology,
    dead_letter_subject,
    fetch_durable,
    fetched_subject,
    normalize_durable,
    raw_subject,
    stored_subject,
    unpack_durable,
    webhook_letter_subject,
    webhook_subject,
)
from athlete_ally.core.errors import NotVerified
from athlete_ally.core.messages import headers
from athlete_ally.core.messages.identity import message_id
from athlete_ally.core.messages.message import OutgoingMessage
from athlete_ally.core.vendor.webhook_store import Account, WebhookReceipt
from athlete_ally.measurements import HRV, MEASUREMENTS
from athlete_ally.ops.people.erasure import Eraser
from athlete_ally.ops.people.inventory import Searcher
from athlete_ally.ops.people.journal_erasure import JournalEraser
from athlete_ally.vendors import FETCHED

ANNA = "anna-5b1c"
_SERIES = "INSERT INTO sample_series (user_id, code, source, context, device, unit) VALUES ($1, 'x', 's', '', '', 'ms')"
_POINTS = (
    "INSERT INTO samples_data SELECT series, $2::timestamptz + n * interval '1 s', NULL, 1, true, $2, 1, 0 "
    "FROM sample_series, generate_series(1, 3) n WHERE user_id = $1"
)
_GRANT = (
    "INSERT INTO vendor_grant (vendor, account, user_id, sealed, expires_at, scopes) "
    "VALUES ('oura', 'acc-anna', $1, 'ciphertext', $2, '{}') RETURNING id"
)


def readings(*items: Any) -> OutgoingMessage:
    """Return a message with readings, as ingest accepts it."""
    body = json.dumps({"readings": items}).encode()
    subject = raw_subject("hrv")
    return OutgoingMessage(CORE_HOT, subject, body, message_id(subject, body), {headers.READINGS: str(len(items))})


@dataclass
class World:
    """Streams and tables in which Anna is one of two people."""

    connection: Connection
    pool: Any
    topology: Topology
    environment: dict[str, str]
    journals: Journals
    published: int = 0

    async def publish(self, stream: str, subject: str, document: Any, **stated: str) -> int:
        """Store a message, and return its sequence."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        named = {name.replace("_", "-"): value for name, value in stated.items()}
        self.published += 1
        message = OutgoingMessage(stream, subject, body, f"m-{self.published}", named)
        return (await NatsPublisher(self.connection, timeout_s=5).publish(message)).sequence

    async def letter(self, *readings: Any, body: bytes | None = None, reason: str = "non-retryable") -> int:
        """Write a dead letter as a worker does."""
        stated = {
            headers.READINGS: str(max(1, len(readings))),
            headers.ORIGINAL_SUBJECT: raw_subject("hrv"),
            headers.ORIGINAL_STREAM: CORE_HOT,
            headers.ORIGINAL_CONSUMER: normalize_durable("hrv"),
        }
        document = {"readings": readings} if body is None else body
        return await self.publish(DLQ, dead_letter_subject("hrv", reason), document, **stated)

    async def populate(self) -> None:
        """Give both people readings, records, accounts and dead letters; all is settled."""
        raw = raw_subject("hrv")
        await self.publish(CORE_HOT, raw, {"readings": [hrv_reading(ANNA, 41)]})
        await self.publish(CORE_HOT, raw, {"readings": [hrv_reading("ben", 40), hrv_reading(ANNA, 42)]})
        await self.publish(CORE_HOT, raw, {"readings": [hrv_reading("ben", 43)]})
        await self.publish(CORE_HOT, stored_subject("hrv"), {"records": [{"user_id": ANNA}, {"user_id": "ben"}]})
        for user in (ANNA, "ben"):
            await PostgresWebhookStore(self.pool).link([_account("oura", user), _account("garmin", user)])
            await self.pool.execute(_SERIES, user)
            await self.pool.execute(_POINTS, user, NOON)
        records = (hrv_record(ANNA), hrv_record("ben"))
        await PostgresStore(self.pool).store(HRV, [request(*records)])
        grant = await self.pool.fetchval(_GRANT, ANNA, NOON)
        await self.publish(VENDOR_HOT, webhook_subject("oura"), {"user_id": "acc-anna", "object_id": "1"})
        await self.publish(VENDOR_HOT, webhook_subject("oura"), {"user_id": "acc-ben", "object_id": "2"})
        await self.publish(VENDOR_HOT, fetched_subject("oura"), {"score": 80}, **{headers.GRANT: str(grant)})
        both = {"dailies": [{"userId": "acc-anna"}, {"userId": "acc-ben"}]}
        await self.publish(VENDOR_HOT, webhook_subject("garmin"), both)
        await self.letter(hrv_reading(ANNA, 9999))
        await self.letter(hrv_reading("ben", 9998), hrv_reading(ANNA, 9997), hrv_reading("ben", 9996))
        await self.letter(hrv_reading("ben", 9995))
        await self.accept(readings(hrv_reading(ANNA, 41)), readings(hrv_reading("ben", 40), hrv_reading(ANNA, 42)))
        await self.settle()

    async def settle(self) -> None:
        """Let every durable settle what it hears."""
        vendors = [name(vendor) for name in (unpack_durable, fetch_durable) for vendor in ("oura", "garmin")]
        known = {each.name for each in self.topology.durables}
        await asyncio.gather(*(self._settle(each) for each in (normalize_durable("hrv"), *vendors) if each in known))

    async def _settle(self, name: str) -> None:
        inbox = NatsInbox(self.connection, self.topology.durable(name))
        await inbox.open()
        while deliveries := await inbox.fetch(100, 0.05):
            for delivery in deliveries:
                await inbox.ack(delivery)
        await inbox.close()

    async def erase(self, *arguments: str) -> Outcome:
        """Run the command to its end, in a thread, since it has an event loop of its own."""
        return await asyncio.to_thread(in_process, self.environment, "erase", ANNA, *arguments)

    async def apply(self, *arguments: str) -> Outcome:
        """Erase Anna."""
        return await self.erase("--apply", "--confirm", ANNA, *arguments)

    async def held(self) -> tuple[list[str], dict[str, int]]:
        """Return the body of everything in the streams, and how many rows each table has."""
        stream_reader = NatsStreamReader(self.connection)
        bodies: list[str] = []
        for name in (CORE_HOT, VENDOR_HOT, DLQ):
            stream = await stream_reader.stream(name)
            assert stream is not None
            bodies += [found.body.decode(errors="replace") async for _, found in stream_reader.messages(stream)]
        tables = ("hrv_data", "samples_data", "sample_series", "vendor_account", "vendor_grant")
        counts = {table: await self.pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608
        return bodies, counts

    def eraser(self, person: Any, wrap: Callable[[Any], Any]) -> Eraser:
        """Return what erases, with each of its ports wrapped."""
        people, publisher = PostgresPersonData(self.pool, MEASUREMENTS), NatsPublisher(self.connection, timeout_s=5)
        searcher = Searcher(wrap(NatsStreamReader(self.connection)), self.topology, person)
        journal = JournalEraser(wrap(JournalRewriter(self.journals.folder, None)), person, self._settled)
        return Eraser(searcher, wrap(people), wrap(publisher), journal, wrap(PostgresAuditLog(self.pool)), "a", "run")

    async def _settled(self, message_ids: Sequence[str]) -> frozenset[str]:
        return await PostgresReceiptLookup(self.pool, FETCHED).normalized(message_ids)

    async def accept(self, *messages: OutgoingMessage) -> None:
        """Write messages to the journal, as a service that has ended since."""
        async with self.journals.open() as journal:
            await asyncio.gather(*map(journal.append, messages))


def _account(vendor: str, user: str) -> Any:
    return Account(vendor, f"acc-{user.partition('-')[0]}", user)


@pytest.fixture
async def world(  # fixtures
    connection: Connection, pool: Any, topology: Topology, nats_server: Nats, database_url: str, tmp_path: Path
) -> World:
    """Give the test a world of its own."""
    folder = tmp_path / "journal"
    environment = {"NATS_URL": nats_server.url, "DATABASE_URL": database_url, "NO_COLOR": "1"}
    environment["AA_MESSAGE_JOURNAL_DIR"] = str(folder)
    world = World(connection, pool, topology, environment, Journals(folder))
    await world.populate()
    return world


BENS_ROWS = {"hrv_data": 1, "samples_data": 3, "sample_series": 1, "vendor_account": 2, "vendor_grant": 0}


def assert_only_ben_is_left(held: tuple[list[str], dict[str, int]]) -> None:
    """Check that nothing of Anna is left, and all of Ben that is not on record yet."""
    bodies, rows = held
    everything = " ".join(bodies)
    assert ("anna" in everything, rows) == (False, BENS_ROWS)
    assert [number for number in ("9995", "9996", "9998") if number in everything] == ["9995", "9996", "9998"]


async def test_the_plan_says_what_is_held_and_changes_nothing(world: World) -> None:
    """
    Messages, the person's readings in them, how many hold others too, and rows, as they are; exit code 2.
    """
    before = await world.held()
    done = await world.erase("--json")
    document = done.document

    assert done.code == Exit.FINDINGS
    assert await world.held() == before
    found = {
        each["stream"]: (each["messages"], each["readings"], each["mixed"], each["other_people"])
        for each in document["streams"]
    }
    assert found == {CORE_HOT: (3, 3, 2, 1), VENDOR_HOT: (3, 3, 1, 1), DLQ: (2, 2, 1, 1)}
    rows = {table: count for table, count in document["rows"].items() if count}
    assert rows == {"hrv_data": 1, "samples_data": 3, "sample_series": 1, "vendor_account": 2, "vendor_grant": 1}


async def test_the_person_is_gone_and_nobody_else(world: World, nats_server: Nats) -> None:
    """
    Erased and verified: no message, row or byte on disk names Anna; Ben has all his, his letter's readings among them.
    """
    on_disk = _files_with(nats_server.folder, ANNA)
    done = await world.apply()
    letters = [each async for each in NatsLetters(world.connection).all()]

    assert (done.code, done.err) == (Exit.AS_DESIRED, "")
    assert "erased 8 messages, 2 journal entries and 8 rows, 1 dead letter kept without the person" in done.out
    assert "garmin, oura may keep sending" in done.out
    assert_only_ben_is_left(await world.held())
    assert (len(on_disk) >= 2, _files_with(nats_server.folder, ANNA)) == (True, [])
    split = letters[-1]
    assert (split.headers[headers.READING_INDEXES], split.readings) == ("0,2", 2)
    # The id of the letter that was split, so that its replays count on.
    assert split.identity == "m-10"


def _files_with(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_the_journal_does_not_say_who(world: World) -> None:
    """
    It says that one person was erased, and how much that was. A second run finds nothing, and exits 0 unasked.
    """
    await world.apply()
    again = await world.erase("--apply")
    entries = await PostgresAuditLog(world.pool).read()

    assert (again.code, again.out) == (Exit.AS_DESIRED, "no data of this person is held\n")
    assert [(each.note.act, each.note.step) for each in entries] == [("erase", "finished"), ("erase", "started")]
    assert entries[0].note.details == {"messages": 8, "split": 1, "left": {}}
    assert "anna" not in str(entries)


async def test_no_table_that_names_a_person_is_missed(pool: Any) -> None:
    """
    What is counted, and erased, are all tables with a person's id, except the one that tells readers of an erasure;
    what refers to one of them goes with it.
    """
    naming = await pool.fetch(
        "SELECT relname FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid "
        "WHERE attname = 'user_id' AND relkind IN ('r', 'p') AND NOT relispartition"
    )
    tables = {row["relname"] for row in naming}
    staying = await pool.fetch(
        "SELECT conrelid::regclass::text FROM pg_constraint "
        "WHERE contype = 'f' AND confrelid = ANY ($1::text[]::regclass[]) AND confdeltype <> 'c'",
        sorted(tables),
    )

    counted = set(await PostgresPersonData(pool, MEASUREMENTS).rows(ANNA))
    assert tables - {"erased_person"} | {"samples_data"} == counted
    assert staying == []


class Killed(BaseException):
    """The process ends here."""


_EFFECTS = {"erase", "publish", "close", "write", "rewrite"}


class Mortal:
    """A port after whose n-th effect, over all ports, the process is gone."""

    def __init__(self, port: Any, lives: list[int]) -> None:
        """Count down the lives that are shared."""
        self._port, self._lives = port, lives

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._mortal(found) if name in _EFFECTS else found

    def _mortal(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def act(*arguments: Any) -> Any:
            result = await method(*arguments)
            self._lives[0] -= 1
            if self._lives[0] == 0:
                raise Killed
            return result

        return act


def _silent(_what: str, _done: int, _total: int) -> None:
    """Hear nothing."""


async def test_killed_at_any_step_the_next_run_finishes(world: World) -> None:
    """
    The process ends after each single effect in turn: the next run finds all that is left, and loses nobody else.
    """
    for lives in range(1, 100):
        left = [lives]
        person = await PostgresPersonData(world.pool, MEASUREMENTS).person(ANNA)
        eraser = world.eraser(person, lambda port, left=left: Mortal(port, left))
        inventory = await eraser.inventory(_silent)
        try:
            await eraser.carry_out(inventory, _silent, unreadable_too=False, wait_s=0)
        except Killed:
            again = await world.apply()
            assert again.code == Exit.AS_DESIRED, (lives, again)
            assert_only_ben_is_left(await world.held())
            await _purge_and_populate(world)
            continue
        break
    else:
        pytest.fail("it never came to an end")

    assert lives == 15
    assert_only_ben_is_left(await world.held())


async def _purge_and_populate(world: World) -> None:
    for stream in (CORE_HOT, VENDOR_HOT, DLQ):
        await world.connection.api(f"STREAM.PURGE.{stream}")
    tables = "hrv_data, samples_data, sample_series, vendor_account, vendor_grant, backfill_window, receipt"
    await world.pool.execute(f"TRUNCATE {tables}")
    await world.populate()


async def test_what_others_still_wait_for_is_not_erased(world: World) -> None:
    """
    A message that a durable has not settled may hold others' readings: refused, and nothing at all is changed.
    """
    await world.publish(CORE_HOT, raw_subject("hrv"), {"readings": [hrv_reading("ben", 50), hrv_reading(ANNA, 51)]})
    before = await world.held()
    done = await world.apply("--wait", "0")

    assert (done.code, await world.held()) == (Exit.REFUSED, before)
    assert f"{normalize_durable('hrv')}: messages of the person are not settled" in done.err
    assert f"  1 not yet processed by {normalize_durable('hrv')}" in done.out


async def test_it_waits_for_the_workers(world: World) -> None:
    """
    A worker that settles the messages meanwhile is waited for.
    """
    await world.publish(CORE_HOT, raw_subject("hrv"), {"readings": [hrv_reading("ben", 50), hrv_reading(ANNA, 51)]})
    running = asyncio.create_task(world.apply("--wait", "60"))
    await asyncio.sleep(0)
    await world.settle()

    assert (await running).code == Exit.AS_DESIRED
    assert_only_ben_is_left(await world.held())


async def test_what_comes_meanwhile_is_said(world: World) -> None:
    """
    A message that arrives while rows are erased is left, and the command says so (exit code 6); the next run has it.
    """
    person = await PostgresPersonData(world.pool, MEASUREMENTS).person(ANNA)
    eraser = world.eraser(person, lambda port: Late(port, world) if isinstance(port, PostgresPersonData) else port)
    inventory = await eraser.inventory(_silent)
    with pytest.raises(NotVerified, match=f"1 in {CORE_HOT}; run it again"):
        await eraser.carry_out(inventory, _silent, unreadable_too=False, wait_s=0)
    await world.settle()

    assert (await world.apply()).code == Exit.AS_DESIRED
    assert_only_ben_is_left(await world.held())


class Late:
    """Tables at which a message arrives just before the person's rows are erased."""

    def __init__(self, people: PostgresPersonData, world: World) -> None:
        """Pass everything on."""
        self._people, self._world = people, world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._people, name)

    async def erase(self, user_id: str, tell: Any) -> None:
        """Let the message arrive first."""
        await self._world.publish(CORE_HOT, raw_subject("hrv"), {"readings": [hrv_reading(ANNA, 52)]})
        await self._people.erase(user_id, tell)


async def test_a_letter_that_nobody_can_read_takes_a_word(world: World) -> None:
    """
    A body that is not JSON and names the person: refused, since others may be in it; --unreadable erases it whole.
    """
    sequence = await world.letter(body=b'{"readings": [{"userId": "anna-5b1c"', reason="schema-invalid")
    await world.letter(body=b"\xff\xfe {", reason="schema-invalid")
    refused = await world.apply()
    done = await world.apply("--unreadable")

    assert (refused.code, f"{DLQ} {sequence}: names the person, and can't be read" in refused.err) == (
        Exit.REFUSED,
        True,
    )
    assert done.code == Exit.AS_DESIRED
    assert_only_ben_is_left(await world.held())


async def test_a_letter_that_cannot_be_taken_apart_stands_in_the_way(world: World) -> None:
    """
    A vendor's webhook about two people is whole or nothing: it is refused by number until it is replayed or purged.
    """
    both = {"dailies": [{"userId": "acc-anna"}, {"userId": "acc-ben"}]}
    subject = webhook_letter_subject("garmin", "schema-invalid")
    sequence = await world.publish(DLQ, subject, both, **{headers.READINGS: "1"})
    before = await world.held()
    done = await world.apply()

    assert (done.code, await world.held()) == (Exit.REFUSED, before)
    assert f"{DLQ} {sequence}: data of others is in it and can't be taken apart" in done.err
    await NatsLetters(world.connection).remove(sequence, erase=True)
    assert (await world.apply()).code == Exit.AS_DESIRED


async def test_it_wants_the_id_twice_and_never_hangs(world: World) -> None:
    """
    Without a terminal and without the id by option, or with another id, nothing is changed.
    """
    before = await world.held()
    asked, wrong = await world.erase("--apply"), await world.erase("--apply", "--confirm", "ben")

    assert (asked.code, wrong.code, await world.held()) == (Exit.REFUSED, Exit.REFUSED, before)
    assert ("no terminal" in asked.err, "does not match the person's id" in wrong.err) == (True, True)


async def test_an_account_that_is_no_longer_linked_can_be_named(world: World) -> None:
    """
    What a vendor sends after the link is gone is found by the account's id.
    """
    await world.apply()
    letter = webhook_letter_subject("oura", "unknown-account")
    await world.publish(DLQ, letter, {"user_id": "acc-anna"})

    assert (await world.erase()).code == Exit.AS_DESIRED
    assert (await world.apply("--account", "oura=acc-anna")).code == Exit.AS_DESIRED
    assert_only_ben_is_left(await world.held())


async def test_without_a_durable_nobody_knows_what_is_settled(world: World) -> None:
    """
    A durable that was deleted by mistake is not taken for one that settled everything.
    """
    await world.connection.api(f"CONSUMER.DELETE.{CORE_HOT}.{normalize_durable('hrv')}")
    done = await world.apply()

    assert (done.code, f"{normalize_durable('hrv')}: missing" in done.err) == (Exit.ERROR, True)


async def test_more_points_than_a_portion(world: World) -> None:
    """
    Points go in portions of 50,000, and another person's stay.
    """
    await world.pool.execute(_POINTS.replace("1, 3)", "4, 120000)"), ANNA, NOON + timedelta(days=1))
    done = await world.apply("--json")

    assert (done.code, done.document["erased"]["rows"]) == (Exit.AS_DESIRED, 120_005)
    assert (await world.held())[1] == BENS_ROWS


async def test_backups_are_named(world: World, tmp_path: Path) -> None:
    """
    What was backed up may hold the person for as long as it is kept.
    """
    environment = {**world.environment, "AA_STREAMS_JOURNAL": str(tmp_path / "journal.jsonl")}
    arguments = ["streams", "backup", DLQ, "--out", str(tmp_path / "backups")]
    made = await asyncio.to_thread(in_process, environment, *arguments)
    done = await world.erase("--backups", str(tmp_path / "backups"))

    assert (made.code, done.code) == (0, Exit.FINDINGS)
    assert f"backup {tmp_path / 'backups' / DLQ}-" in done.out


async def test_the_message_journal_of_a_service_that_runs_is_reached(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A service has the journal open: no byte of its files names Anna afterwards; Ben's readings are there, those that
    came with hers as a message of their own, and what comes later goes on in a new segment.
    """
    monkeypatch.setattr(file_journal, "_MAINTAIN_EVERY_S", 0.02)
    async with world.journals.open() as journal:
        together = readings(hrv_reading("ben", 44), hrv_reading(ANNA, 45), hrv_reading("ben", 46, minutes_ago=30))
        await asyncio.gather(*map(journal.append, (readings(hrv_reading("ben", 43)), together)))
        on_disk = _files_with(world.journals.folder, ANNA)
        done = await world.apply()
        await journal.append(readings(hrv_reading("ben", 47)))
        left = [entry.message async for entry in JournalRewriter(world.journals.folder, None).entries()]

    assert (done.code, done.err) == (Exit.AS_DESIRED, "")
    assert (len(on_disk), _files_with(world.journals.folder, ANNA)) == (2, [])
    found = [[item["rmssd"] for item in json.loads(each.body)["readings"]] for each in left]
    assert sorted(found) == [[40], [43], [44, 46], [47]]
    assert all(each.message_id == message_id(each.subject, each.body) for each in left)


async def test_others_webhooks_in_the_journal_are_not_lost(world: World) -> None:
    """
    A webhook with both people's data that has no receipt is refused, with the command that stores it; once it is on
    record it goes.
    """
    both = json.dumps({"dailies": [{"userId": "acc-anna"}, {"userId": "acc-ben"}]}).encode()
    await world.accept(OutgoingMessage(VENDOR_HOT, webhook_subject("garmin"), both, "w-1"))
    before = await world.held()
    refused = await world.apply()
    receipt = WebhookReceipt("w-1", VENDOR_HOT, 9, "garmin", "unpacked", 0, 0, 0, NOON, NOON, None)
    unchanged = await world.held() == before
    await PostgresWebhookStore(world.pool).remember(receipt)
    done = await world.apply()

    assert (refused.code, unchanged, done.code) == (Exit.REFUSED, True, Exit.AS_DESIRED)
    assert "1 webhooks with data of others" in refused.err
    assert "athlete-ally ingest replay" in refused.err
    assert _files_with(world.journals.folder, "acc-anna") == []
